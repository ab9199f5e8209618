'use strict';
// Node clients that ignore proxies reach Coffer under the vendors' names through this. Does nothing on any error of its own.
try {
  const port = Number(process.env.COFFER_TLS_PORT);
  const names = /__NAMES__/;
  const listed = (name) => typeof name === 'string' && names.test(name.replace(/\.$/, ''));
  if (Number.isInteger(port) && port > 0 && port < 65536) {
    const tls = require('tls');
    const real = tls.connect;
    // Both ways to call it: (options) as https, undici and the SDKs do, and (port, host, options) as http2 does.
    tls.connect = function connect(...args) {
      let changed = args;
      try {
        const [first, second, third] = args;
        if (first && typeof first === 'object' && !first.socket && !first.path && Number(first.port) === 443) {
          const name = first.host || first.hostname;
          if (listed(name)) {
            changed = [{ ...first, servername: first.servername || name.replace(/\.$/, ''), host: '127.0.0.1', hostname: undefined, port, lookup: undefined }, ...args.slice(1)];
          }
        } else if (Number(first) === 443 && listed(second) && !(third && third.socket)) {
          const options = third && typeof third === 'object' ? third : {};
          const rest = third && typeof third === 'object' ? args.slice(3) : args.slice(2);
          changed = [{ ...options, servername: options.servername || second.replace(/\.$/, ''), host: '127.0.0.1', port, lookup: undefined }, ...rest];
        }
      } catch {
        changed = args;
      }
      return real.apply(this, changed);
    };
  }
} catch {
  // A program must start as if this file were not there.
}
