#!/usr/bin/env python3
"""A language model (Ollama's API on 127.0.0.1:11434) and a search engine (SearXNG's HTML on 127.0.0.1:8080) that always
answer the same, and count what they are asked: `stub_services.py stats` prints the counts as JSON."""

import collections
import html
import json
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

MODEL = "stub:latest"
CREATED = "2026-01-01T00:00:00.000000Z"
COUNTS = collections.Counter()
PROSE = "The stub model reports that everything is steady today [1]. No further action is needed."
NEWS = json.dumps({
    "news_items": [
        {
            "headline": f"Stub headline {i}", "category": "Technology", "summary": f"Plausible short summary {i} [1].",
            "impact_score": 5, "source_url": f"http://news.example/{i}", "time_ago": "1 hour ago",
            "entities": {"people": [], "places": [], "orgs": ["Acme"]}, "topics": ["testing", "soak"],
        }
        for i in range(1, 4)
    ],
    "big_picture": "Things are steady.", "watch_for": ["more tests"], "patterns": "none", "topics": ["testing"],
    "categories": ["Technology"],
})


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, code, body, content_type="application/json"):
        if not isinstance(body, str):
            body = json.dumps(body)
        data = body.encode()
        self.send_response(code)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def stats(self):
        self.answer(200, dict(COUNTS))


class Ollama(Handler):
    def do_HEAD(self):
        self.answer(200, "", "text/plain")

    def do_GET(self):
        path = urlparse(self.path).path
        details = {"format": "gguf", "family": "llama", "families": ["llama"], "parameter_size": "1B", "quantization_level": "Q4_0"}
        model = {"name": MODEL, "model": MODEL, "modified_at": "2026-01-01T00:00:00Z", "size": 1, "digest": "0" * 64, "details": details}
        if path == "/_stats":
            return self.stats()
        pages = {"/api/version": {"version": "0.12.0"}, "/api/ps": {"models": []}, "/api/tags": {"models": [model]}}
        if path in pages:
            return self.answer(200, pages[path])
        if path == "/":
            return self.answer(200, "Ollama is running", "text/plain")
        return self.answer(404, {"error": "not found"})

    def do_POST(self):
        path = urlparse(self.path).path
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        if path == "/api/show":
            details = {"family": "llama", "parameter_size": "1B"}
            info = {"general.architecture": "llama", "llama.context_length": 8192}
            return self.answer(200, {"details": details, "model_info": info, "capabilities": ["completion", "tools"]})
        if path in ("/api/embed", "/api/embeddings"):
            asked = body.get("input")
            vector = [0.01] * 64
            many = [vector for _ in (asked if isinstance(asked, list) else [asked])]
            return self.answer(200, {"embedding": vector, "embeddings": many, "model": MODEL})
        if path in ("/api/chat", "/api/generate"):
            COUNTS["llm_calls"] += 1
            return self.generate(body, chat=path.endswith("chat"))
        return self.answer(404, {"error": "not found"})

    def generate(self, body, chat):
        messages = body.get("messages") or [{"content": body.get("prompt", "")}]
        text = NEWS if "json" in " ".join(str(m.get("content", "")) for m in messages).lower() else PROSE
        done = {"done": True, "done_reason": "stop", "total_duration": 1000, "load_duration": 1, "prompt_eval_count": 10,
                "prompt_eval_duration": 1, "eval_count": 10, "eval_duration": 1}

        def part(piece, **more):
            said = {"message": {"role": "assistant", "content": piece}} if chat else {"response": piece}
            return {"model": body.get("model", MODEL), "created_at": CREATED, **said, **more}

        time.sleep(0.05)  # A model that answers at once would hide what waits for it.
        if body.get("stream", True) is False:
            return self.answer(200, part(text, **done))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        step = max(1, len(text) // 8)
        parts = [part(text[i:i + step], done=False) for i in range(0, len(text), step)] + [part("", **done)]
        for one in parts:
            line = (json.dumps(one) + "\n").encode()
            self.wfile.write(b"%x\r\n" % len(line) + line + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")


class Searx(Handler):
    def do_GET(self):
        url = urlparse(self.path)
        if url.path == "/_stats":
            return self.stats()
        if url.path == "/_hang":
            # A server that accepts and never answers, until whoever asks goes away.
            return self.rfile.read(1)
        if url.path != "/search":
            return self.answer(200, "<html><body>stub search</body></html>", "text/html")
        COUNTS["searches"] += 1
        query = html.escape(parse_qs(url.query).get("q", [""])[0])[:60]
        results = "".join(
            f'<article class="result"><a class="url" href="http://news.example/{i}">x</a>'
            f'<h3><a href="http://news.example/{i}">{query} item {i}</a></h3>'
            f'<p class="content">Short snippet {i} about {query}.</p></article>'
            for i in range(1, 6)
        )
        return self.answer(200, f"<html><body>{results}</body></html>", "text/html")


def main():
    if sys.argv[1:] == ["stats"]:
        print(urllib.request.urlopen("http://127.0.0.1:11434/_stats", timeout=10).read().decode())
        return
    model = ThreadingHTTPServer(("127.0.0.1", 11434), Ollama)
    search = ThreadingHTTPServer(("127.0.0.1", 8080), Searx)
    threading.Thread(target=search.serve_forever, daemon=True).start()
    print("ready", flush=True)
    model.serve_forever()


if __name__ == "__main__":
    main()
