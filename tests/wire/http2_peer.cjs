// A real HTTP/2 server and client in one process: two WebSockets (RFC 8441) of twenty messages each, and a page in between. It prints
// the port that the server listens on, and reads the one that the client is to connect to.
const http2 = require('http2'), crypto = require('crypto');
function frame(op, payload, masked) {
  const n = payload.length; let head;
  if (n < 126) head = Buffer.from([0x80 | op, (masked ? 128 : 0) | n]);
  else head = Buffer.from([0x80 | op, (masked ? 128 : 0) | 126, n >> 8, n & 255]);
  if (!masked) return Buffer.concat([head, payload]);
  const key = crypto.createHash('md5').update(String(n)).digest().subarray(0, 4), body = Buffer.from(payload);
  for (let i = 0; i < n; i++) body[i] ^= key[i & 3];
  return Buffer.concat([head, key, body]);
}
const server = http2.createServer({ settings: { enableConnectProtocol: true } });
server.on('stream', (stream, headers) => {
  if (headers[':method'] !== 'CONNECT') { stream.respond({ ':status': 404 }); stream.end('no'); return; }
  stream.respond({ ':status': 200, 'dg-request-id': '5002d33e-31f3-4a45-a26e-da2763dfeabd' });
  stream.write(frame(1, Buffer.from('{"type":"Results","start":0,"duration":1.0,"is_final":true,"channel":{}}'), false));
  let got = 0;
  stream.on('data', (d) => { got += d.length; });
  stream.on('end', () => { stream.end(frame(8, Buffer.from([3, 232]), false)); });
});
server.listen(0, '127.0.0.1', () => {
  const port = server.address().port;
  console.log(port);
  process.stdin.once('data', (line) => {
    process.stdin.destroy();
    const client = http2.connect(`http://127.0.0.1:${String(line).trim()}`);
    client.once('remoteSettings', () => {
      const page = client.request({ ':path': '/page' }); page.resume(); page.end();
      let open = 2;
      for (let k = 0; k < 2; k++) {
        const s = client.request({ ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'http', ':authority': `127.0.0.1:${port}`,
          ':path': '/v1/listen?encoding=linear16&sample_rate=16000&channels=1', 'sec-websocket-version': '13' }, { endStream: false });
        s.on('response', () => {
          let sent = 0;
          const timer = setInterval(() => {
            s.write(frame(2, Buffer.alloc(3200, crypto.createHash('md5').update(`${k} ${sent}`).digest()), true));
            if (++sent === 20) { clearInterval(timer); s.write(frame(1, Buffer.from('{"type":"CloseStream"}'), true)); s.end(frame(8, Buffer.from([3, 232]), true)); }
          }, 5);
        });
        s.resume();
        s.on('close', () => { if (--open === 0) { client.close(); server.close(); } });
      }
    });
  });
});
