"""Plays a client against a probe-target of its own and prints the packets of its connection, as they went over the wire.

    capture.py PROBE-TARGET SCENARIO     in a network namespace of its own: unshare --map-root-user --net capture.py ...

SCENARIO is JSON: "put" (place below /v1/ports/8080 and body, each), "fill" (connections opened first), "send" (text), "read" (bytes to
read before the client leaves; by default to the end), "wait" (seconds without an end after which the client leaves).
A line is a direction (> from the client), flags, and payload; bare acknowledgements are told by "acked", and only at the end.
It judges nothing.
"""

import fcntl
import http.client
import json
import select
import socket
import struct
import subprocess
import sys
import time

PORT = 8080
CONTROL = PORT + 10000
# For what must come, and comes late only on a machine that does something else.
PATIENCE = 20

SYN, FIN, RST, ACK = 0x02, 0x01, 0x04, 0x10
OUTGOING = 4


def bring_up(device):
    """ip link set DEVICE up"""
    SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh", device.encode(), 0)
        flags = struct.unpack("16sh", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh", device.encode(), flags | IFF_UP))


class Capture:
    """Every packet on the loopback device from now on; those of one connection are kept."""

    def __init__(self):
        ETH_P_IP = 0x0800
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP))
        self.socket.bind(("lo", ETH_P_IP))
        # Each is seen twice there, leaving and arriving.
        self.packets = []
        self.client = None

    def read(self):
        """Takes what is there."""
        while select.select([self.socket], [], [], 0)[0]:
            packet, (_, _, kind, *_) = self.socket.recvfrom(1 << 17)
            if kind != OUTGOING and packet[9] == socket.IPPROTO_TCP:
                self.keep(packet)

    def keep(self, packet):
        tcp = packet[(packet[0] & 15) * 4 :]
        length = struct.unpack("!H", packet[2:4])[0] - (packet[0] & 15) * 4
        source, destination, number, answered = struct.unpack("!HHII", tcp[:12])
        payload = length - (tcp[12] >> 4) * 4
        if self.client in (source, destination):
            side = ">" if source == self.client else "<"
            self.packets.append((side, tcp[13], payload, number, answered))

    def over(self):
        """Whether a RST, or a FIN of both sides, has been seen."""
        ends = {side for side, flags, *_ in self.packets if flags & FIN}
        return len(ends) == 2 or any(flags & RST for _, flags, *_ in self.packets)

    def lines(self):
        """One for each packet that is not a bare acknowledgement; what was sent again is told once."""
        told, lines = set(), []
        for side, flags, payload, number, _ in self.packets:
            names = [name for name, bit in [("SYN", SYN), ("FIN", FIN), ("RST", RST)] if flags & bit]
            if flags & SYN and flags & ACK:
                names.append("ACK")
            if payload:
                names.insert(0, f"{payload} bytes")
            words = " ".join(names)
            if words and (side, words, number) not in told:
                told.add((side, words, number))
                lines.append(f"{side} {words}")
        return lines


def control(method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", CONTROL, timeout=PATIENCE)
    connection.request(method, path, body)
    answer = connection.getresponse()
    text = answer.read().decode()
    assert answer.status == 200, text
    connection.close()


def play(capture, scenario):
    """What the client does; says how its side of it ended."""
    client = socket.socket()
    client.bind(("127.0.0.1", 0))
    capture.client = client.getsockname()[1]
    client.settimeout(scenario.get("wait", PATIENCE))
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        client.connect(("127.0.0.1", PORT))
        client.sendall(scenario.get("send", "").encode())
        left = scenario.get("read", 1 << 30)
        while left > 0 and (piece := client.recv(min(left, 65536))):
            left -= len(piece)
        said = "read" if left == 0 else "end"
    except TimeoutError:
        said = "timeout"
    except ConnectionError as error:
        said = type(error).__name__
    client.close()
    return said


def main():
    binary, scenario = sys.argv[1], json.loads(sys.argv[2])
    bring_up("lo")
    with open("/proc/sys/net/core/somaxconn", "w") as most:
        most.write(str(scenario.get("backlog", 4096)))
    command = [binary, "--port", f"{PORT}={scenario.get('protocol', 'http')}"]
    target = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        target.stderr.readline()
        for place, body in scenario.get("put", []):
            control("PUT", f"/v1/ports/{PORT}{place}", json.dumps(body))
        waiting = [socket.create_connection(("127.0.0.1", PORT)) for _ in range(scenario.get("fill", 0))]
        capture = Capture()
        said = play(capture, scenario)
        # The target ends its side when it hears of the end of ours; a black hole does not.
        end = time.monotonic() + (0 if scenario.get("unheard") else PATIENCE)
        capture.read()
        while not capture.over() and time.monotonic() < end:
            select.select([capture.socket], [], [], 0.1)
            capture.read()
        for line in capture.lines():
            print(line)
        sent = sum(payload for side, _, payload, *_ in capture.packets if side == ">")
        starts = [number for side, flags, _, number, _ in capture.packets if side == ">" and flags & SYN]
        acked = [answered for side, flags, _, _, answered in capture.packets if side == "<" and flags & ACK]
        if acked and sent and (acked[-1] - starts[0] - 1) % (1 << 32) >= sent:
            print("all acked")
        print("client:", said)
        del waiting
    finally:
        target.kill()
        target.wait()


main()
