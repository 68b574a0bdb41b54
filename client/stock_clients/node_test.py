#!/usr/bin/env python3
"""Stock Node clients (client.js) at the versions of package-lock.json.

usage: node_test.py BIN_FOLDER TOOLS_FOLDER
"""
import os
import pathlib
import subprocess
import sys

import stock

BIN, TOOLS = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])


def main():
    node, modules = stock.node_modules(TOOLS)
    server = stock.Server(BIN)
    try:
        environment = dict(os.environ, NODE_PATH=str(modules))
        run = subprocess.run([*node, stock.HERE / "client.js", server.address, stock.PROTO], env=environment,
                             timeout=stock.PATIENCE)
        return run.returncode
    finally:
        server.stop()


if __name__ == "__main__":
    sys.exit(main())
