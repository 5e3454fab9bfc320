"""Speaks S3 on loopback: moto's server, with the buckets that are named, each empty.

Usage: s3_server.py BUCKET…
Prints its port, then serves until its standard input ends.
"""

import sys
import urllib.request

from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
_, port = server.get_host_and_port()
for bucket in sys.argv[1:]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/{bucket}", method="PUT")
    urllib.request.urlopen(request).close()
print(port, flush=True)
sys.stdin.read()
