#!/usr/bin/env python3
"""A login app for Firman: its people, its pages. Run it with FIRMAN, CLIENT_ID, CLIENT_SECRET and PORT."""
import base64, hmac, html, json, os, urllib.error, urllib.parse, urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FIRMAN, SECRET = os.environ["FIRMAN"].rstrip("/"), os.environ["CLIENT_SECRET"]
BASIC = base64.b64encode(f"{os.environ['CLIENT_ID']}:{SECRET}".encode()).decode()
# In earnest this is your user system; what stands first is the subject: it never changes.
PEOPLE = {"reader": ("person-1", "open sesame", {"name": "A Reader", "email": "reader@example.org", "email_verified": True})}
STYLE = "<style>body{font:1rem system-ui;max-width:30rem;margin:4rem auto}</style>"


def firman(what, members=None, **query):
    """Asks the API: a GET with parameters, or a POST of JSON."""
    url = f"{FIRMAN}/login-app/{what}" + ("?" + urllib.parse.urlencode(query) if query else "")
    body = None if members is None else json.dumps(members).encode()
    headers = {"Authorization": f"Basic {BASIC}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=10) as answer:
        return json.load(answer)


def page(asked, request, problem=""):
    """What is shown for what is asked."""
    e = lambda text: html.escape(str(text))
    client = e((asked.get("client") or {}).get("client_name") or "An application")
    hidden = f'<input type="hidden" name="request" value="{e(request)}"><p id="problem">{e(problem)}</p>'
    no = '<button id="no" name="no" value="1" formnovalidate>No</button>'
    if asked["kind"] == "login":
        hint = e(asked.get("login_hint", ""))
        fields = f"""<h1>{client} asks who you are</h1>
            <p><label>Name <input id="name" name="name" autocomplete="username" value="{hint}" required></label>
            <p><label>Password <input id="password" name="password" type="password" autocomplete="current-password" required></label>
            <p><label><input type="checkbox" name="remember" value="1"> Remember me</label>"""
    elif asked["kind"] == "consent":
        scopes = "".join(f"<li>{e(scope)}" for scope in asked["scope"].split())
        fields = f"<h1>{client} would like to use your account</h1><ul>{scopes}</ul><p>It is at {e(asked['redirect_host'])}."
    else:
        fields = f"<h1>Sign out?</h1><p>{e(asked.get('session', {}).get('username', ''))}"
    return f'<!doctype html><title>Sign in</title>{STYLE}<form method="post">{hidden}{fields}<p><button id="yes">Yes</button> {no}</form>'


def decide(asked, form):
    """Yes or no, and with which members; None where the password is wrong."""
    if "no" in form:
        return "reject", {"error": "access_denied"}
    if asked["kind"] != "login":
        return "accept", {}
    subject, password, claims = PEOPLE.get(form.get("name", ""), ("", "", {}))
    right = hmac.compare_digest(password.encode(), form.get("password", "").encode())
    if not (subject and right):
        return None
    return "accept", {"subject": subject, "username": form["name"], "amr": ["pwd"], "claims": claims, "remember": "remember" in form}


class App(BaseHTTPRequestHandler):
    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        self.handle_with(lambda: self.show(page(firman("request", request=query["request"]), query["request"])))

    def do_POST(self):
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 65536)).decode()
        self.handle_with(lambda: self.answer(dict(urllib.parse.parse_qsl(body))))

    def answer(self, form):
        asked = firman("request", request=form["request"])
        decided = decide(asked, form)
        if decided is None:
            return self.show(page(asked, form["request"], "Name or password is wrong."), 422)
        verdict, members = decided
        self.send_response(303)
        self.send_header("Location", firman(verdict, {"request": form["request"], **members})["redirect_to"])
        self.end_headers()

    def handle_with(self, work):
        try:
            work()
        except (KeyError, urllib.error.HTTPError) as error:
            why = error.read().decode() if isinstance(error, urllib.error.HTTPError) else f"{error} is missing"
            self.show(f"<!doctype html><title>Error</title><p id='problem'>{html.escape(why)}", 400)

    def show(self, text, status=200):
        self.send_response(status)
        for name, value in [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store"),
                            ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
                            ("Referrer-Policy", "no-referrer")]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "0"))), App)
    print(f"http://127.0.0.1:{server.server_address[1]}/", flush=True)
    server.serve_forever()
