# SPDX-License-Identifier: Apache-2.0
"""peers: the configurations of the proxies that are measured beside ours, where they are installed."""

import shutil
from pathlib import Path

from world import AS_PROXY, HOME, ORIGIN, OUT, PLAIN, PROXY_PORT, ROOTS, TLS, Fenced, Side, run

NGINX = """
daemon off; worker_processes 1; pid {home}/nginx.pid; error_log stderr error;
events {{ worker_connections 16384; }}
http {{
  access_log {home}/access.log;
  client_body_temp_path {home}; proxy_temp_path {home}; fastcgi_temp_path {home};
  uwsgi_temp_path {home}; scgi_temp_path {home};
  keepalive_requests 1000000000; keepalive_timeout 300;
  upstream origin {{ server {origin}; keepalive 64; keepalive_requests 1000000000; }}
  server {{ listen {address}:{port}{listen}; {server}
    location / {{ proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
      {location} }} }}
}}
"""

HAPROXY = """
global
  nbthread 1
  maxconn 6000
  log {home}/log len 4096 local0
defaults
  mode http
  log global
  option httplog
  timeout connect 10s
  timeout client 300s
  timeout server 300s
  http-reuse safe
frontend in
  bind {address}:{port}
  default_backend out
backend out
  http-request set-uri %[path]
  server origin {origin}
"""

# It looks at the server name before it opens TLS, and has the certificate of the server before it makes one.
SQUID = """
http_port {address}:{port} ssl-bump tls-cert={home}/ca.pem generate-host-certificates=on
sslcrtd_program {helper} -s {home}/certificates -M 16MB
sslcrtd_children 1 startup=1
acl hello at_step SslBump1
ssl_bump peek hello
ssl_bump bump all
http_access allow all
tls_outgoing_options cafile={roots}
access_log stdio:{home}/access.log
cache_log {home}/cache.log
cache deny all
cache_mem 0 MB
pid_filename none
coredump_dir {home}
pinger_enable off
netdb_filename none
max_filedescriptors 16384
shutdown_lifetime 0 seconds
"""
SQUID_HELPER = Path("/usr/lib/squid/security_file_certgen")


def room(name: str) -> Path:
    home = HOME / f"{name}.d"
    home.mkdir()
    home.chmod(0o777)
    return home


def relay() -> Side:
    pod = Fenced("relay")
    return pod.side([OUT / "bench_relay", pod.address, PROXY_PORT, ORIGIN])


def bump() -> Side:
    pod = Fenced("bump")
    ca = HOME / "bump.pem"
    return pod.side([OUT / "bench_bump", pod.address, PROXY_PORT, ORIGIN, ROOTS, ca], str(ca))


def make_certificate(subject: str, extension: str, key: Path, certificate: Path) -> None:
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
        "-subj", f"/CN={subject}", "-addext", extension, "-keyout", str(key), "-out", str(certificate))
    key.chmod(0o644)


def nginx_side(name: str, listen: str, server: str, origin: str, location: str) -> Side | None:
    if shutil.which("nginx") is None:
        return None
    pod, home = Fenced(name), room(name)
    (home / "nginx.conf").write_text(NGINX.format(home=home, address=pod.address, port=PROXY_PORT, listen=listen,
                                                  server=server, origin=origin, location=location), encoding="ascii")
    return pod.side(["nginx", "-e", "stderr", "-c", home / "nginx.conf"], str(HOME / "leaf.pem"))


def nginx_forward() -> Side | None:
    return nginx_side("nginx", "", "", f"{ORIGIN}:{PLAIN}", "proxy_pass http://origin;")


def nginx_tls() -> Side | None:
    """TLS on both sides, the server verified, connections to it kept: what interception could be at best."""
    make_certificate("api.web.test", "subjectAltName=DNS:api.web.test", HOME / "leaf.key", HOME / "leaf.pem")
    server = ("ssl_certificate /run/bench/leaf.pem; ssl_certificate_key /run/bench/leaf.key; "
              "ssl_session_tickets on; ssl_protocols TLSv1.2 TLSv1.3;")
    location = (f"proxy_pass https://origin; proxy_ssl_server_name on; proxy_ssl_name api.web.test; "
                f"proxy_ssl_verify on; proxy_ssl_trusted_certificate {ROOTS};")
    return nginx_side("nginxtls", " ssl", server, f"{ORIGIN}:{TLS}", location)


def haproxy() -> Side | None:
    if shutil.which("haproxy") is None:
        return None
    pod, home = Fenced("haproxy"), room("haproxy")
    (home / "haproxy.cfg").write_text(HAPROXY.format(home=home, address=pod.address, port=PROXY_PORT,
                                                     origin=f"{ORIGIN}:{PLAIN}"), encoding="ascii")
    return pod.side(["haproxy", "-db", "-f", home / "haproxy.cfg"])


def squid() -> Side | None:
    """Both as a plain proxy and intercepting."""
    if shutil.which("squid") is None or not SQUID_HELPER.exists():
        return None
    pod, home = Fenced("squid"), room("squid")
    make_certificate("bench squid", "keyUsage=critical,keyCertSign", home / "ca.key", home / "ca.crt")
    (home / "ca.pem").write_bytes((home / "ca.key").read_bytes() + (home / "ca.crt").read_bytes())
    run(*AS_PROXY, str(SQUID_HELPER), "-c", "-s", str(home / "certificates"), "-M", "16MB")
    (home / "squid.conf").write_text(SQUID.format(home=home, address=pod.address, port=PROXY_PORT, roots=ROOTS,
                                                  helper=SQUID_HELPER), encoding="ascii")
    return pod.side(["squid", "-N", "-f", home / "squid.conf"], str(home / "ca.crt"))
