/* How the report looks, on a screen (light and dark) and on paper. */
#ifndef FACET_JOBS_REPORT_PAGE_STYLE_H
#define FACET_JOBS_REPORT_PAGE_STYLE_H

/* Pictures are drawn in black on nothing; here black becomes the page's ink. */
static const char page_style[] =
    ":root{color-scheme:light dark;--ink:#1c2330;--soft:#5a6475;--paper:#fff;--line:#d7dce4;--head:#f2f4f8}\n"
    "@media screen and "
    "(prefers-color-scheme:dark){:root{--ink:#e4e8ef;--soft:#a3adbd;--paper:#14181f;--line:#363e4b;"
    "--head:#1f252f}}\n"
    "body{margin:0 auto;padding:1.5rem;max-width:64rem;background:var(--paper);color:var(--ink);"
    "font:16px/1.5 system-ui,sans-serif}\n"
    "h1{font-size:1.7rem;line-height:1.25;margin:0 0 1rem;overflow-wrap:anywhere}\n"
    "h2{font-size:1.25rem;margin:2.5rem 0 .75rem;padding-bottom:.25rem;border-bottom:1px solid var(--line)}\n"
    "p{margin:.5rem 0;overflow-wrap:anywhere}\n"
    ".wide{overflow-x:auto;margin:1rem 0}\n"
    "table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}\n"
    "caption{text-align:left;color:var(--soft);padding:.25rem 0}\n"
    "th,td{padding:.25rem .7rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}\n"
    "th{background:var(--head)}\n"
    "td.n,th.n{text-align:right}\n"
    "td{overflow-wrap:break-word}td.n{white-space:nowrap}\n"
    "figure{margin:1.25rem 0}\n"
    "figcaption{color:var(--soft);font-size:.9rem;overflow-wrap:anywhere}\n"
    "svg,figure img{max-width:100%;height:auto}\n"
    "svg text{font-family:system-ui,sans-serif}\n"
    "svg [color=black]{color:var(--ink)}svg [stroke=black]{stroke:var(--ink)}svg "
    "[fill=black]{fill:var(--ink)}\n"
    /* Some of gnuplot's colours are too dark on a dark page. */
    "@media screen and (prefers-color-scheme:dark){svg [stroke*='148']{stroke:#c792ff}"
    "svg [color*='148']{color:#c792ff}svg [stroke*='158, 115']{stroke:#3fd0a4}"
    "svg [color*='158, 115']{color:#3fd0a4}svg [stroke*='114, 178']{stroke:#4aa8e8}"
    "svg [color*='114, 178']{color:#4aa8e8}svg [stroke*='0,   0,   0']{stroke:var(--ink)}"
    "svg [color*='0,   0,   0']{color:var(--ink)}}\n"
    ".gallery{display:grid;grid-template-columns:repeat(auto-fill,minmax(8.5rem,1fr));gap:1rem}\n"
    ".gallery figure{margin:0}.gallery img{width:6rem;image-rendering:pixelated;background:#888}\n"
    "@media print{:root{color-scheme:light;--ink:#000;--soft:#333;--paper:#fff;--line:#bbb;--head:#eee}"
    "body{max-width:none;padding:0;font-size:10pt}h2{break-after:avoid}figure,tr{break-inside:avoid}"
    "thead{display:table-header-group}.wide{overflow:visible;break-inside:avoid}"
    "td:last-child:not(.n){overflow-wrap:anywhere}}\n@page{margin:15mm}\n";

#endif
