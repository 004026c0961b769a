"""Asks a gRPC health service with gRPC's own library and prints what it says, a line a call.

    health.py ADDRESS check SERVICE [SECONDS]
    health.py ADDRESS watch SERVICE      a line for each status, until it is ended
    health.py ADDRESS list
    health.py ADDRESS other              a method that no health service has

It judges nothing. PROBE_TARGET_CA names the certificate to be trusted; without it nothing is encrypted.
"""

import os
import sys

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

# For calls that nobody ends.
PATIENCE = 60


def channel(address):
    authority = os.environ.get("PROBE_TARGET_CA")
    # No proxy, and no second attempt behind the caller's back.
    options = [("grpc.enable_http_proxy", 0), ("grpc.enable_retries", 0)]
    if authority is None:
        return grpc.insecure_channel(address, options)
    with open(authority, "rb") as file:
        trust = grpc.ssl_channel_credentials(file.read())
    return grpc.secure_channel(address, trust, options)


def name(status):
    return health_pb2.HealthCheckResponse.ServingStatus.Name(status)


def say(*words):
    print(*words, flush=True)


def run(health, method, service="", patience=PATIENCE):
    request = health_pb2.HealthCheckRequest(service=service)
    if method == "check":
        say(name(health.Check(request, timeout=float(patience)).status))
    elif method == "watch":
        for answer in health.Watch(request, timeout=float(patience)):
            say(name(answer.status))
    elif method == "list":
        answer = health.List(health_pb2.HealthListRequest(), timeout=float(patience))
        for service in sorted(answer.statuses):
            say(repr(service), name(answer.statuses[service].status))


def main():
    address, method, *rest = sys.argv[1:]
    with channel(address) as connected:
        try:
            if method == "other":
                call = connected.unary_unary("/grpc.health.v1.Health/Other")
                call(b"", timeout=PATIENCE)
            else:
                run(health_pb2_grpc.HealthStub(connected), method, *rest)
        except grpc.RpcError as error:
            say(error.code().name)


main()
