// SPDX-License-Identifier: Apache-2.0

// fetch.js KIND METHOD URL: prints status and body. This node does not look at the proxy's variables
// by itself, so each way is handed an agent where they are set; axios does look (see there).
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

// Of itself axios asks the proxy for https:// as it does for http://, and makes no tunnel.
function byAxios(settings) {
    const axios = require('/usr/share/nodejs/axios/dist/node/axios.cjs');
    const options = { method, url, validateStatus: null, transformResponse: [(text) => text] };
    axios({ ...options, ...settings }).then((r) => console.log(`${r.status}\n${r.data}`)).catch(fail);
}

function byTunnel() {
    if (!proxy || url.startsWith('http:'))
        return {};
    return { proxy: false, httpsAgent: require('/usr/share/nodejs/https-proxy-agent')(proxy) };
}

({
    fetch: byFetch,
    https: byHttps,
    axios: () => byAxios(byTunnel()),
    'axios-alone': () => byAxios({}),
    'axios-direct': () => byAxios({ proxy: false }),
})[kind]();
