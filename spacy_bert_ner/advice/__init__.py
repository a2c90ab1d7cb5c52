"""Write a config for training that fits the data and the encoder. The entry point is `init_config.write_config`."""
