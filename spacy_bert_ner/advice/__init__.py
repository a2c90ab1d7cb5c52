"""Write a training config that suits the data and the encoder. The entry point is `init_config.write_config`."""
