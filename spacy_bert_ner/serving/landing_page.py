"""Render the landing page, which describes the API and has a form for trying it. The page loads no other files."""

from __future__ import annotations

from html import escape
from typing import Any

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>body {{ font: 1rem/1.5 sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem }}
textarea, pre {{ width: 100%; box-sizing: border-box; white-space: pre-wrap; overflow-wrap: anywhere }}
table {{ border-collapse: collapse }} td {{ border: 1px solid #bbb; padding: .2rem .5rem }}</style></head>
<body><h1>{title}</h1><p>{description} The OpenAPI description is in <a href="openapi.json">openapi.json</a>.</p>
<form><label>Text <textarea rows="4" name="text">{example}</textarea></label>
<label>Token (if required) <input name="token" type="password"></label> <button>Find entities</button></form><pre></pre>
{routes}
<script>
const form = document.forms[0];
form.onsubmit = async (event) => {{
  event.preventDefault();
  const headers = form.token.value ? {{Authorization: "Bearer " + form.token.value}} : {{}};
  const options = {{method: "POST", headers, body: JSON.stringify({{text: form.text.value}})}};
  const response = await fetch("v1/entities", options);
  document.querySelector("pre").textContent = JSON.stringify(await response.json(), null, 2);
}};
</script></body></html>
"""


def page(api: dict[str, Any]) -> str:
    """Render the landing page for an API.

    api (dict[str, Any]): OpenAPI description of the API.
    RETURNS (str): the page as HTML.
    """
    routes = []
    for path, methods in api["paths"].items():
        for method, operation in methods.items():
            responses = "".join(
                f"<tr><td>{escape(status)}</td><td>{escape(response['description'])}</td></tr>"
                for status, response in operation["responses"].items()
            )
            description = escape(operation.get("description", ""))
            routes.append(f"<h2>{method.upper()} {escape(path)}</h2><p>{description}</p><table>{responses}</table>")
    schema = api["paths"]["/v1/entities"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    fields = "".join(
        f"<tr><td>{escape(name)}</td><td>{escape(field.get('description', ''))}</td></tr>"
        for name, field in schema["properties"].items()
    )
    routes.append(f"<h2>Request body</h2><table>{fields}</table>")
    info = {key: escape(str(api["info"][key])) for key in ("title", "description")}
    example = escape(schema["properties"]["text"]["examples"][0])
    return _PAGE.format(**info, example=example, routes="\n".join(routes))
