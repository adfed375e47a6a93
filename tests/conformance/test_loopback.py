"""The module that lets `next start` listen on its own loopback address with the host name of a site."""

import json
import subprocess

from local.node import find_node
from tests.conformance.harness.next_server import ADDRESS, PRELOAD

PROGRAM = """
const http = require("node:http");
const server = http.createServer((request, response) => response.end(request.headers.host));
server.listen(0, "site.localhost", async () => {
  const { address, port } = server.address();
  const hosts = [];
  for (const host of ["site.localhost", "localhost"]) {
    hosts.push(await (await fetch(`http://${host}:${port}/`)).text());
  }
  console.log(JSON.stringify({ address, hosts: hosts.map((host) => host.replace(`:${port}`, "")) }));
  server.close();
});
"""


def test_a_server_listens_on_another_address_and_reaches_itself_by_its_name() -> None:
    node = find_node().node
    done = subprocess.run(
        [str(node), "--require", str(PRELOAD), "--eval", PROGRAM],
        env={"ANCHOR_CONFORMANCE_ADDRESS": ADDRESS, "ANCHOR_CONFORMANCE_HOST": "site.localhost"},
        capture_output=True,
        check=True,
        text=True,
        timeout=30,
    )
    assert json.loads(done.stdout) == {"address": ADDRESS, "hosts": ["site.localhost", "localhost"]}
