# SPDX-License-Identifier: Apache-2.0
"""fetch.py urllib|requests|httpx|aiohttp METHOD URL: prints status and body."""
import sys
import urllib.error
import urllib.request


def by_urllib(method: str, url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def by_requests(method: str, url: str) -> tuple[int, str]:
    import requests
    response = requests.request(method, url, timeout=10)
    return response.status_code, response.text


def by_httpx(method: str, url: str) -> tuple[int, str]:
    import httpx
    response = httpx.request(method, url, timeout=10)
    return response.status_code, response.text


def by_aiohttp(method: str, url: str) -> tuple[int, str]:
    import asyncio

    import aiohttp

    async def fetch():
        # aiohttp looks at the proxy's variables only when it is told to.
        async with aiohttp.ClientSession(trust_env=True) as session:
            async with session.request(method, url) as response:
                return response.status, await response.text()
    return asyncio.run(fetch())


status, body = globals()[f"by_{sys.argv[1]}"](*sys.argv[2:])
print(f"{status}\n{body}")
