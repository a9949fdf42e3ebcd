"""What is told of a model in words: a page in Markdown, and a few sentences for an agent."""

import json
from collections.abc import Iterator
from typing import Any, Final

from spark_assets.domain.object_keys import keys_of
from spark_assets.domain.parameter import NAME, Parameter
from spark_assets.domain.parameters import Operation

_GENERATION: Final = "/model/v1/generation"


def offered(operation: Operation) -> Iterator[tuple[Parameter, bool]]:
    """The parameters that it makes sense to send, and whether each is required."""
    for parameter in operation.required:
        yield parameter, True
    for parameter in operation.optional:
        yield parameter, False


def example_body(operation: Operation) -> dict[str, Any]:
    """A body that creates a task: what is required, and a name where one may be changed."""
    shown = [parameter for parameter, required in offered(operation) if required or parameter is NAME]
    return {"model": operation.model, **{parameter.name: parameter.example for parameter in shown}}


def page(operation: Operation, base_url: str) -> str:
    """The model's page, in Markdown."""
    rows = []
    for parameter, required in offered(operation):
        rows.append(_row(parameter.name, parameter, required))
        rows += [_row(f"{parameter.name}.{key.name}", key, False) for key in keys_of(parameter)]
    body = json.dumps(example_body(operation), ensure_ascii=False)
    return "\n".join(
        (
            f"# {operation.model}",
            "",
            f"{operation.summary}.",
            "",
            "## Parameters",
            "",
            "They stand beside `model`, in `input[0].params`, or in `parameters`.",
            "",
            "| name | type | required | limits | meaning |",
            "| --- | --- | --- | --- | --- |",
            *rows,
            "",
            "## Example",
            "",
            "```sh",
            f"curl {base_url}{_GENERATION} \\",
            '  -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" \\',
            f"  -d '{body}'",
            "```",
            "",
            "It answers the `id` of a task at once. Ask for the task until its `status` is `completed` or `failed`:",
            "",
            "```sh",
            f'curl "{base_url}{_GENERATION}/task/ID?wait=30" -H "Authorization: Bearer $KEY"',
            "```",
            "",
            "The result is JSON in `output[0].content[0].text`, under `Result`; why a task failed is in `error`. What a task costs is told",
            f"by `POST {base_url}{_GENERATION}/precharge` with the same body.",
            "",
        )
    )


def agent_prompt(operation: Operation, base_url: str) -> str:
    """How to use the model, for an agent that has an API key and can send requests."""
    required = ", ".join(parameter.name for parameter, is_required in offered(operation) if is_required)
    optional = ", ".join(parameter.name for parameter, is_required in offered(operation) if not is_required)
    body = json.dumps(example_body(operation), ensure_ascii=False)
    return (
        f"{operation.summary} with the model {operation.model}. "
        f"Send POST {base_url}{_GENERATION} with the headers 'Authorization: Bearer <API key>' and 'Content-Type: application/json' "
        f"and a JSON body such as {body}. Required: {required}. Optional: {optional}. "
        f"The answer holds the id of a task. Send GET {base_url}{_GENERATION}/task/<id>?wait=30, again while its status is in_progress. "
        "When it is completed, the result is the JSON text in output[0].content[0].text, under Result. "
        "When it is failed, error.error_message says why and what to change; repeating the request unchanged will not help unless "
        "the message says so. "
        f"Types, limits and meanings of all parameters: {base_url}/model/v1/models/skill/{operation.model}"
    )


def _row(name: str, parameter: Parameter, required: bool) -> str:
    meaning = parameter.description.replace("|", "\\|")
    return f"| `{name}` | {parameter.json_type} | {'yes' if required else 'no'} | {_limits(parameter)} | {meaning} |"


def _limits(parameter: Parameter) -> str:
    words = []
    if parameter.json_type == "string" and parameter.choices:
        words.append(" ".join(f"`{choice}`" for choice in parameter.choices))
    if parameter.minimum is not None and parameter.maximum is not None:
        words.append(f"{parameter.minimum} to {parameter.maximum}")
    if parameter.json_type != "object" and parameter.max_length is not None:
        words.append(f"at most {parameter.max_length} characters{' each' if parameter.json_type == 'array' else ''}")
    if parameter.max_items is not None:
        words.append(f"at most {parameter.max_items} items")
    return ", ".join(words)
