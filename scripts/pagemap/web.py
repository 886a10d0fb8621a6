# SPDX-License-Identifier: MIT
"""web - a map in a browser of this host

    GET /           one page, which needs nothing else (page.html)
    GET /maps       server-sent events: a map whenever it has changed

The server listens at 127.0.0.1 and serves only who asks for it by that name, so that no
page of another site reads the map by a name that leads here.
"""

import http.server
import json
import os
import threading

from pagemap import rows

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'page.html')
POLICY = "default-src 'none'; style-src 'unsafe-inline'; " \
    "script-src 'unsafe-inline'; connect-src 'self'"
# Seconds without a change after which a client is told that all is well.
QUIET = 5


def of_space(space, reader):
    """What the page shows of an address space. Numbers above 2^53 are strings."""
    drawn = rows.Rows(space, reader)
    return {
        'number': space.number, 'users': space.users, 'pages': space.pages,
        'regions': space.regions, 'open': space.open,
        'rows': [[row.address, row.label, row.letters, row.count]
                 for row in drawn],
        'strays': drawn.strays(),
        'ranges': [['%#x' % start, '%#x' % end, event, rows.held(holder)]
                   for start, end, event, holder in space.ranges],
        'waiters': [rows.thread(*waiter) for waiter in space.waiters], 'doubts': space.doubts}


def legend(reader):
    """[(letter, meaning)] of each side."""
    sides = {'cpu': reader.letters, 'device': reader.device_letters}
    return {name: list(side.what.items()) for name, side in sides.items() if side}


def of_snapshot(spaces, doubts, snapshots):
    reader = snapshots.reader
    return {'machine': os.path.basename(snapshots.machine.folder),
            'row': reader.row, 'legend': legend(reader), 'doubts': doubts,
            'spaces': [of_space(space, reader) for space in spaces]}


class Latest:
    """The newest map as JSON, for all clients."""

    def __init__(self):
        self.changed = threading.Condition()
        self.text, self.number, self.over = '', 0, False

    def put(self, text):
        with self.changed:
            if text != self.text:
                self.text, self.number = text, self.number + 1
                self.changed.notify_all()

    def end(self):
        with self.changed:
            self.over = True
            self.changed.notify_all()

    def after(self, number):
        """(number, text) of a later map; (number, None) if none came for long."""
        with self.changed:
            self.changed.wait_for(lambda: self.over or self.number != number,
                                  QUIET)
            return (self.number, self.text) if self.number != number else \
                (number, None)


class Handler(http.server.BaseHTTPRequestHandler):
    """One client."""

    def log_message(self, *_):          # pylint: disable=arguments-differ
        """Nothing: the terminal is the user's."""

    def _head(self, status, kind):
        self.send_response(status)
        self.send_header('Content-Type', kind)
        self.send_header('Cache-Control', 'no-store')
        self.send_header('Content-Security-Policy', POLICY)
        self.end_headers()

    def do_GET(self):                   # pylint: disable=invalid-name
        port = self.server.server_address[1]
        if self.headers.get('Host') not in ('127.0.0.1:%d' % port,
                                            'localhost:%d' % port):
            self._head(403, 'text/plain')
        elif self.path == '/':
            self._head(200, 'text/html; charset=utf-8')
            with open(PAGE, 'rb') as page:
                self.wfile.write(page.read())
        elif self.path == '/maps':
            self._head(200, 'text/event-stream')
            try:
                self._maps(self.server.latest)
            except OSError:
                pass                    # the browser has left
        else:
            self._head(404, 'text/plain')

    def _maps(self, latest):
        number = 0
        # The last map comes before the end, however soon the end comes.
        while True:
            number, text = latest.after(number)
            if text is None and latest.over:
                break
            self.wfile.write((': all is well\n\n' if text is None else
                              'data: %s\n\n' % text).encode())
            self.wfile.flush()
        self.wfile.write(b'event: over\ndata: \n\n')
        self.wfile.flush()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port=0):
        super().__init__(('127.0.0.1', port), Handler)
        self.latest = Latest()
        self.url = 'http://127.0.0.1:%d/' % self.server_address[1]


def serve(snapshots, port=0, say=print):
    """Until the machine is gone."""
    with Server(port) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        say('the map is at ' + server.url, flush=True)
        try:
            for spaces, doubts in snapshots:
                server.latest.put(json.dumps(
                    of_snapshot(spaces, doubts, snapshots),
                    separators=(',', ':')))
        finally:
            server.latest.end()
            server.shutdown()
