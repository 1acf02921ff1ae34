// The same protocol on node with `ws`: transport and base64 only. Usage: node node_server.js PORT
// NODE_PATH names the folder in which `ws` is installed (Debian: /usr/share/nodejs).
const { WebSocketServer } = require('ws');

const heard = { frames: 0, bytes: 0 };
const server = new WebSocketServer({
  host: '127.0.0.1', port: Number(process.argv[2]), backlog: 4096, perMessageDeflate: false, path: '/ws',
}, () => console.log('ready'));

server.on('connection', (socket) => {
  socket.on('error', () => socket.terminate());
  socket.on('message', (message, binary) => {
    let data = message;
    if (!binary) {
      const said = JSON.parse(message);
      if (said.type === 'ping') {
        socket.send(JSON.stringify({ type: 'pong', id: said.id }));
        return;
      }
      if (said.type !== 'audio') return;
      data = Buffer.from(said.data, 'base64');
    }
    heard.frames += 1;
    heard.bytes += data.length;
  });
});
