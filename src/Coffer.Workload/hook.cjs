'use strict';
// Node clients that ignore proxies reach Coffer under the vendors' names through this. Does nothing on any error of its own.
try {
  const port = Number(process.env.COFFER_TLS_PORT);
  const names = /^([a-z0-9-]+\.vault\.azure\.net|secretsmanager(-fips)?\.[a-z0-9-]+\.amazonaws\.com|secretmanager(\.[a-z0-9-]+\.rep)?\.googleapis\.com)$/i;
  if (Number.isInteger(port) && port > 0 && port < 65536) {
    const tls = require('tls');
    const real = tls.connect;
    tls.connect = function connect(options, ...rest) {
      let changed = options;
      try {
        if (options && typeof options === 'object' && !options.socket && !options.path && Number(options.port) === 443) {
          const name = options.host || options.hostname || '';
          if (names.test(name)) {
            changed = { ...options, servername: options.servername || name, host: '127.0.0.1', port, lookup: undefined };
          }
        }
      } catch {
        changed = options;
      }
      return real.call(this, changed, ...rest);
    };
  }
} catch {
  // A program must start as if this file were not there.
}
