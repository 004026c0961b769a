"""Validates JSON documents against a JSON Schema and prints what is wrong, a line each.

    conforms.py SCHEMA DOCUMENT…

It ends with 0 if the schema is one and every document conforms to it, else with 1.
"""

import json
import sys

from jsonschema import Draft202012Validator


def read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def main():
    schema, *documents = sys.argv[1:]
    schema = read(schema)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    wrong = [
        f"{document}: {error.json_path}: {error.message}"
        for document in documents
        for error in validator.iter_errors(read(document))
    ]
    print(*wrong, sep="\n", end="")
    sys.exit(1 if wrong else 0)


main()
