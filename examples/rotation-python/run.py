"""Calls a handler written for AWS Lambda with the event on standard input: run.py FILE.py[:HANDLER]

The handler's answer is not used. If it raises, this ends with status 1 and prints only the kind of error: its text could
hold a secret.
"""
import importlib.util
import json
import os
import sys


class Context:
    """What of Lambda's context a rotation function may look at."""

    function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "function")
    aws_request_id = ""
    invoked_function_arn = ""


def main():
    file, _, name = sys.argv[1].partition(":")
    sys.path.insert(0, os.path.dirname(os.path.abspath(file)))
    spec = importlib.util.spec_from_file_location("rotation_function", file)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        getattr(module, name or "lambda_handler")(json.load(sys.stdin), Context())
    except Exception as error:
        print(type(error).__name__, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
