"""A program that runs the emulator in a separate process, so that it does not delay the measured thread.

It prints the endpoint and the credentials as one line of JSON. It exits at the end of standard input.
"""

import json
import sys

from local.emulator.emulator import Emulator

if __name__ == "__main__":
    with Emulator(region=sys.argv[1], port=0) as emulator:
        keys = emulator.administrator
        sys.stdout.write(
            json.dumps(
                {
                    "endpoint_url": emulator.endpoint_url,
                    "aws_access_key_id": keys.access_key_id,
                    "aws_secret_access_key": keys.secret_access_key,
                }
            )
            + "\n"
        )
        sys.stdout.flush()
        sys.stdin.read()
