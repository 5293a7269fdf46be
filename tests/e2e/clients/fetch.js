// SPDX-License-Identifier: Apache-2.0

// fetch.js fetch|https METHOD URL: prints status and body. This node does not look at the proxy's
// variables by itself, so each way is handed an agent where they are set.
const [kind, method, url] = process.argv.slice(2);
const proxy = process.env.HTTPS_PROXY;

function fail(error) {
    console.error(String(error), String(error.cause || ''));
    process.exit(1);
}

function byFetch() {
    const undici = require('/usr/share/nodejs/undici');
    if (proxy)
        undici.setGlobalDispatcher(new undici.ProxyAgent(proxy));
    fetch(url, { method }).then(async (r) => console.log(`${r.status}\n${await r.text()}`)).catch(fail);
}

function byHttps() {
    const { URL } = require('url');
    const secure = new URL(url).protocol === 'https:';
    const options = { method };
    if (proxy) {
        const name = secure ? 'https-proxy-agent' : 'http-proxy-agent';
        options.agent = require(`/usr/share/nodejs/${name}`)(proxy);
    }
    const request = require(secure ? 'https' : 'http').request(url, options, (response) => {
        let body = '';
        response.on('data', (part) => { body += part; });
        response.on('end', () => console.log(`${response.statusCode}\n${body}`));
    });
    request.on('error', fail);
    request.end();
}

if (kind === 'fetch')
    byFetch();
else
    byHttps();
