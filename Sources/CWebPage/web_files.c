#include "cwebpage.h"

static const unsigned char api_js[] = {
#embed "files/api.js"
};
static const unsigned char base_css[] = {
#embed "files/base.css"
};
static const unsigned char charts_js[] = {
#embed "files/charts.js"
};
static const unsigned char controls_js[] = {
#embed "files/controls.js"
};
static const unsigned char docs_css[] = {
#embed "files/docs.css"
};
static const unsigned char docs_html[] = {
#embed "files/docs.html"
};
static const unsigned char docs_js[] = {
#embed "files/docs.js"
};
static const unsigned char dom_js[] = {
#embed "files/dom.js"
};
static const unsigned char examples_js[] = {
#embed "files/examples.js"
};
static const unsigned char favicon_svg[] = {
#embed "files/favicon.svg"
};
static const unsigned char format_js[] = {
#embed "files/format.js"
};
static const unsigned char index_html[] = {
#embed "files/index.html"
};
static const unsigned char inspector_js[] = {
#embed "files/inspector.js"
};
static const unsigned char openapi_json[] = {
#embed "files/openapi.json"
};
static const unsigned char output_js[] = {
#embed "files/output.js"
};
static const unsigned char page_css[] = {
#embed "files/page.css"
};
static const unsigned char page_js[] = {
#embed "files/page.js"
};
static const unsigned char playground_js[] = {
#embed "files/playground.js"
};
static const unsigned char poller_js[] = {
#embed "files/poller.js"
};
static const unsigned char queue_css[] = {
#embed "files/queue.css"
};
static const unsigned char queue_js[] = {
#embed "files/queue.js"
};
static const unsigned char request_js[] = {
#embed "files/request.js"
};
static const unsigned char schema_js[] = {
#embed "files/schema.js"
};
static const unsigned char session_js[] = {
#embed "files/session.js"
};
static const unsigned char storage_js[] = {
#embed "files/storage.js"
};
static const unsigned char theme_js[] = {
#embed "files/theme.js"
};
static const unsigned char tokens_js[] = {
#embed "files/tokens.js"
};
static const unsigned char tryout_js[] = {
#embed "files/tryout.js"
};

#define FILE_ENTRY(name, type, bytes) {name, type, bytes, sizeof bytes}
#define HTML "text/html; charset=utf-8"
#define CSS "text/css; charset=utf-8"
#define JAVASCRIPT "text/javascript; charset=utf-8"
#define JSON "application/json"
#define SVG "image/svg+xml"

static const struct web_file files[] = {
    FILE_ENTRY("api.js", JAVASCRIPT, api_js),
    FILE_ENTRY("base.css", CSS, base_css),
    FILE_ENTRY("charts.js", JAVASCRIPT, charts_js),
    FILE_ENTRY("controls.js", JAVASCRIPT, controls_js),
    FILE_ENTRY("docs.css", CSS, docs_css),
    FILE_ENTRY("docs.html", HTML, docs_html),
    FILE_ENTRY("docs.js", JAVASCRIPT, docs_js),
    FILE_ENTRY("dom.js", JAVASCRIPT, dom_js),
    FILE_ENTRY("examples.js", JAVASCRIPT, examples_js),
    FILE_ENTRY("favicon.svg", SVG, favicon_svg),
    FILE_ENTRY("format.js", JAVASCRIPT, format_js),
    FILE_ENTRY("index.html", HTML, index_html),
    FILE_ENTRY("inspector.js", JAVASCRIPT, inspector_js),
    FILE_ENTRY("openapi.json", JSON, openapi_json),
    FILE_ENTRY("output.js", JAVASCRIPT, output_js),
    FILE_ENTRY("page.css", CSS, page_css),
    FILE_ENTRY("page.js", JAVASCRIPT, page_js),
    FILE_ENTRY("playground.js", JAVASCRIPT, playground_js),
    FILE_ENTRY("poller.js", JAVASCRIPT, poller_js),
    FILE_ENTRY("queue.css", CSS, queue_css),
    FILE_ENTRY("queue.js", JAVASCRIPT, queue_js),
    FILE_ENTRY("request.js", JAVASCRIPT, request_js),
    FILE_ENTRY("schema.js", JAVASCRIPT, schema_js),
    FILE_ENTRY("session.js", JAVASCRIPT, session_js),
    FILE_ENTRY("storage.js", JAVASCRIPT, storage_js),
    FILE_ENTRY("theme.js", JAVASCRIPT, theme_js),
    FILE_ENTRY("tokens.js", JAVASCRIPT, tokens_js),
    FILE_ENTRY("tryout.js", JAVASCRIPT, tryout_js),
};

const struct web_file *web_files(size_t *count) {
  *count = sizeof files / sizeof files[0];
  return files;
}
