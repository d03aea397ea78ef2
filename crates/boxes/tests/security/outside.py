"""A network of its own, with all that a box must not reach: a cloud's metadata, a resolver, private
addresses, hosts that are not allowed, by IPv4 and IPv6. And a proxy that checks nothing, as if there
were no box. Every server answers with the treasure where an attack has got through to it.

Brings the network up, serves it, and runs a command in it: nothing of this leaves the machine.
"""

import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import sys
import threading

SECRET = b"TOP-SECRET"
VALUE = os.environ["P_VALUE"].encode()
SHOP, OTHER, EVIL, TLS = (f"93.184.216.{last}" for last in (34, 35, 36, 37))
METADATA, PRIVATE, RESOLVER = "169.254.169.254", "10.1.2.3", "192.0.2.53"
METADATA6, EVIL6 = "fd00:ec2::254", "2001:db8::1"
INSIDE = {METADATA, PRIVATE, METADATA6, "127.0.0.1", "::1"}
REBOUND = [SHOP, "127.0.0.1"]
NAMES = {
    "shop.example": SHOP, "other.example": OTHER, "tls.example": TLS, "inside.example": METADATA,
    "mapped.example": "::ffff:" + METADATA, "v6.example": METADATA6, "private.example": PRIVATE,
    "localhost": "127.0.0.1",
}


def up():
    v4, v6 = socket.socket(socket.AF_INET), socket.socket(socket.AF_INET6)
    fcntl.ioctl(v4, 0x8914, struct.pack("16sh14x", b"lo", 0x49))
    for at, address in enumerate([SHOP, OTHER, EVIL, TLS, METADATA, PRIVATE, RESOLVER]):
        request = struct.pack("16sHH4s8x", f"lo:{at}".encode(), socket.AF_INET, 0,
                              socket.inet_aton(address))
        fcntl.ioctl(v4, 0x8916, request)
    for address in [METADATA6, EVIL6]:
        address = socket.inet_pton(socket.AF_INET6, address)
        fcntl.ioctl(v6, 0x8916, struct.pack("16sIi", address, 128, socket.if_nametoindex("lo")))


def start(work, *arguments):
    threading.Thread(target=work, args=arguments, daemon=True).start()


def listen(port, serve, address="::"):
    server = socket.create_server((address, port), dualstack_ipv6=address == "::", backlog=64,
                                  family=socket.AF_INET6 if ":" in address else socket.AF_INET)

    def accept():
        while True:
            start(quietly, serve, server.accept()[0])

    start(accept)


def quietly(serve, connection):
    with connection:
        try:
            connection.settimeout(10)
            serve(connection)
        except (OSError, ValueError, IndexError):
            pass


def head_of(connection, begun=b""):
    while b"\r\n\r\n" not in begun:
        more = connection.recv(4096)
        if not more:
            raise OSError("it ended")
        begun += more
    head, rest = begun.split(b"\r\n\r\n", 1)
    return head, rest


def web(connection):
    address = connection.getsockname()[0].removeprefix("::ffff:")
    rest = b""
    while True:
        head, rest = head_of(connection, rest)
        lines = head.decode("latin-1").split("\r\n")
        path = lines[0].split(" ")[1]
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        # A server that knows no chunks: what a proxy passes on of both lengths splits here.
        length = int(headers.get("content-length", "0"))
        while len(rest) < length:
            rest += connection.recv(4096)
        rest = rest[length:]
        host = headers.get("host", "")
        if "upgrade" in headers:
            connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n"
                               b"Connection: upgrade\r\n\r\n")
            connection.recv(100)
            connection.sendall(SECRET)
            return
        loot = VALUE in head and host != "shop.example"
        taken = address in INSIDE or address in (EVIL, EVIL6) or host.endswith("evil.example")
        body = SECRET if taken or loot else head
        away = b"302 Found\r\nLocation: http://other.example/" if path.endswith("/away") else b"200 OK"
        connection.sendall(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (away, len(body), body))


def mail(connection):
    connection.sendall(SECRET)


def name_server(connection):
    connection.recv(512)
    connection.sendall(SECRET)


def name_server_udp(address):
    server = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((address, 53))

    def answer():
        while True:
            _, whom = server.recvfrom(512)
            server.sendto(SECRET, whom)

    start(answer)


def secure(connection):
    """Behind the host's address there are others, and programs that speak no TLS."""
    said = connection.recv(4096)
    connection.sendall(SECRET if b"RELAY" in said or b"evil.example" in said else b"nothing")


def resolve(name):
    name = name.strip("[]")
    if name == "rebind.example":
        return REBOUND.pop(0) if len(REBOUND) > 1 else REBOUND[0]
    if name.endswith("evil.example"):
        return EVIL
    return NAMES.get(name) or (name if ":" in name else socket.gethostbyname(name))


def pipe(source, target):
    try:
        while more := source.recv(4096):
            target.sendall(more)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def careless(connection):
    head, rest = head_of(connection)
    method, target, _ = head.split(b"\r\n")[0].decode("latin-1").split(" ")
    place = target if method == "CONNECT" else target.split("://", 1)[1].split("/")[0]
    place = place.rsplit("@", 1)[-1]
    host, port = place, "80"
    if not place.endswith("]") and ":" in place:
        host, port = place.rsplit(":", 1)
    try:
        server = socket.create_connection((resolve(host), int(port)), 5)
    except OSError as error:
        said = b"cannot connect: %s\n%s" % (str(error).encode(), head)
        connection.sendall(b"HTTP/1.1 502 Bad\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said))
        return
    with server:
        if method == "CONNECT":
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + rest)
        else:
            server.sendall(head + b"\r\n\r\n" + rest)
        start(pipe, connection, server)
        pipe(server, connection)


up()
for port, server in ((80, web), (25, mail), (53, name_server), (443, secure)):
    listen(port, server)
for address in (RESOLVER, EVIL6):
    name_server_udp(address)
listen(3128, careless, "127.0.0.1")
# The rights that made the network are not for what runs in it.
if os.geteuid() != 0:
    ctypes.CDLL(None).prctl(47, 4, 0, 0, 0)
sys.exit(subprocess.run(sys.argv[1:]).returncode)
