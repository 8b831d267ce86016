"""docs/reference.md says of every field what the CRD says."""

from __future__ import annotations

import re

from reference import CRD, PAGE, render

_SMALL = """
spec:
  group: example.dev
  scope: Namespaced
  names: {kind: Thing, plural: things, singular: thing, shortNames: [th]}
  versions:
    - name: v1
      additionalPrinterColumns: [{name: Age, type: date}]
      schema:
        openAPIV3Schema:
          description: A thing.
          properties:
            spec:
              description: What is asked for.
              required: [size]
              x-kubernetes-validations: [{message: size must fit, fieldPath: .size}]
              properties:
                size: {type: integer, minimum: 1, maximum: 9, default: 3, description: How big.}
                exclude:
                  type: object
                  description: Not these.
                  properties: {matchLabels: {type: object}, matchExpressions: {type: array}}
                parts:
                  type: array
                  maxItems: 4
                  description: a | b
                  items:
                    type: object
                    properties:
                      name: {type: string, enum: [x, y], maxLength: 8, description: Its name.}
                labels: {type: object, description: Any., additionalProperties: {type: string, maxLength: 63}}
            status: {description: How it is., properties: {time: {type: string, format: date-time, description: When.}}}
"""


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == render(CRD.read_text()), "Run: make reference"


def test_each_field_has_a_row_with_type_bounds_and_meaning() -> None:
    rows = re.findall(r"^\| `.*", render(_SMALL), re.MULTILINE)

    assert rows == [
        "| `spec.size` | integer, 1 to 9, default `3`, required | How big. |",
        "| `spec.exclude` | like `spec.selector` | Not these. |",
        r"| `spec.parts` | list of object, at most 4 entries | a \| b |",
        "| `spec.parts[].name` | string, `x` or `y`, at most 8 characters | Its name. |",
        "| `spec.labels` | map of string (at most 63 characters) | Any. |",
        "| `status.time` | date-time | When. |",
    ]


def test_each_rule_is_named_with_the_field_that_it_is_about() -> None:
    assert "* `spec.size`: size must fit.\n" in render(_SMALL)
