"""The report's one style sheet: a page to read, in light, in dark and on paper. Nothing is loaded
from anywhere.

Belongs here: every colour, size and font. What scrolls shows it by a shadow at the edge behind which
more lies. Not here: elements (markup.py), shapes (charts.py).
"""

CSS = """
:root{color-scheme:light dark;--paper:#fff;--ink:#1c2024;--soft:#5c6670;--faint:#8b949e;--rule:#e3e6ea;
--wash:#f5f6f8;
--accent:#1f5fa8;--accent-rgb:31 95 168;--second:#a8641f;--good:#1a7a4c;--bad:#b3362b;--band:#1f5fa826;
--mark:#1c2024;--shade:#1c202440}
@media (prefers-color-scheme:dark){:root{--paper:#14171a;--ink:#e6e9ec;--soft:#a2abb4;--faint:#78828c;
--rule:#2c3238;
--wash:#1c2024;--accent:#79b0ee;--accent-rgb:121 176 238;--second:#e0a667;--good:#63c295;--bad:#ef8a80;
--band:#79b0ee30;--mark:#e6e9ec;--shade:#e6e9ec50}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);
font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",Ubuntu,sans-serif;
font-variant-numeric:tabular-nums;-webkit-print-color-adjust:exact;print-color-adjust:exact}
main{max-width:1088px;margin:0 auto;padding:48px 24px 72px}
h1{font-size:30px;line-height:1.15;letter-spacing:-.02em;font-weight:650;margin:0 0 6px}
h2{font-size:21px;line-height:1.25;letter-spacing:-.012em;font-weight:650;margin:0 0 6px}
h3{font-size:15px;font-weight:650;margin:32px 0 8px}
h3.major{font-size:18px;letter-spacing:-.008em}
h4{font-size:15px;font-weight:650;margin:28px 0 0}
h4 small{font-weight:400;color:var(--soft);font-size:13px}
p{margin:0 0 12px;max-width:74ch}
a{color:var(--accent);text-decoration-thickness:1px;text-underline-offset:2px}
.sub{color:var(--soft);margin:0}
nav{margin:28px 0 0;padding:10px 0;border-top:1px solid var(--rule);border-bottom:1px solid var(--rule);
display:flex;flex-wrap:wrap;gap:4px 22px}
nav a{text-decoration:none;color:var(--soft)}nav a:hover{color:var(--accent)}
section{margin-top:56px;padding-top:22px;border-top:2px solid var(--ink)}
.lede{font-size:16.5px;line-height:1.5}
.quiet,.note,.muted{color:var(--soft)}
.quiet{font-style:italic;margin:8px 0}
.note{font-size:13px;line-height:1.45;margin:6px 0 0}
.kpis{display:grid;grid-template-columns:repeat(auto-fill,minmax(210px,1fr));gap:28px 32px;margin:32px 0 0;
padding:0}
.kpis dt{color:var(--soft);font-size:13px}
.kpis dd{margin:0}
.kpis .big{font-size:29px;line-height:1.2;font-weight:600;letter-spacing:-.02em;white-space:nowrap}
.kpis .big small{font-size:15px;font-weight:500;color:var(--soft);letter-spacing:0;margin-left:5px}
.kpis .beside{font-size:13px;line-height:1.4;color:var(--soft)}
.up{color:var(--good)}.down{color:var(--bad)}
.findings{margin:36px 0 0;padding:22px 26px;background:var(--wash);border-radius:6px}
.findings h2{font-size:15px;letter-spacing:0;margin:0 0 8px}
.findings ol{margin:0;padding-left:1.3em}
.findings li{padding:5px 0 5px 4px;font-size:16.5px;line-height:1.45;max-width:76ch}
.findings li::marker{color:var(--faint);font-weight:600}
.findings .from{font-size:12.5px;color:var(--faint);white-space:nowrap}
.row{display:flex;flex-wrap:wrap;gap:24px 36px;margin:20px 0 0}
.row>*{flex:1 1 300px;min-width:0}
.row>*>figure{margin:0}
figure{margin:20px 0 0}figure+p,details+p{margin-top:16px}
.row figure{margin:0}
figcaption{font-weight:600;margin:0 0 6px}
figcaption small{font-weight:400;color:var(--soft);font-size:13px}
svg{display:block;font-family:inherit}
.chart{width:100%;height:auto}
.range{overflow:visible}
svg text{font-size:12px;fill:var(--ink)}
svg .axis{font-size:11px;fill:var(--faint)}
svg .value{font-size:12.5px;font-weight:650}.wide .axis{fill:var(--soft)}
svg .legend{font-size:12px;fill:var(--ink)}
.grid{stroke:var(--rule);stroke-width:1}.zero{stroke:var(--faint);stroke-width:1}
.tick{stroke:var(--faint);stroke-width:1}
.line{fill:none;stroke:var(--accent);stroke-width:2;stroke-linejoin:round}.line.thin{stroke-width:1.4}
.line.second{stroke:var(--second);stroke-dasharray:4 3}
.dot{fill:var(--accent)}.dot.second{fill:var(--second)}
.band{fill:var(--band)}.hover{fill:transparent}
.whisker{stroke:var(--accent);stroke-width:2;opacity:.55}
.notch{stroke:var(--second);stroke-width:2}
.diagonal{stroke:var(--faint);stroke-width:1;stroke-dasharray:3 3}
.ribbon{fill:var(--accent);opacity:.22}.ribbon:hover{opacity:.5}
.ribbon.gone{fill:var(--faint);opacity:.2}.ribbon.won{fill:var(--good);opacity:.35}
.node{fill:var(--accent)}.node.gone{fill:var(--faint)}.node.won{fill:var(--good)}
.table,.scroll{overflow-x:auto;background:linear-gradient(90deg,var(--paper) 30%,transparent) 0 0/40px 100%,
linear-gradient(270deg,var(--paper) 30%,transparent) 100% 0/40px 100%,
linear-gradient(90deg,var(--shade),transparent) 0 0/14px 100%,
linear-gradient(270deg,var(--shade),transparent) 100% 0/14px 100%;background-repeat:no-repeat;
background-attachment:local,local,scroll,scroll}
.table{margin:12px 0 0}
table{border-collapse:collapse;width:100%;font-size:14px;line-height:1.4}
caption{text-align:left;font-weight:600;padding:0 0 6px}
th{font-weight:500;color:var(--soft);font-size:12.5px;text-align:left;vertical-align:bottom;padding:6px 16px 6px 0;
border-bottom:1px solid var(--faint)}
td{padding:6px 16px 6px 0;border-bottom:1px solid var(--rule);vertical-align:top;overflow-wrap:break-word}
th:last-child,td:last-child{padding-right:0}
tbody tr:last-child td{border-bottom:0}
.n{text-align:right;white-space:nowrap}.n+:not(.n){padding-left:8px}
td .range,td .chart{margin:0}
td small{color:var(--soft);font-size:12.5px}
.id{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:12.5px}
.nw{white-space:nowrap}
.bars{display:block;min-width:130px}
.bar{display:block;height:9px;margin:3px 0;background:var(--accent);border-radius:0 2px 2px 0;min-width:1px}
.bar.other{background:var(--second);opacity:.85}
.key{display:inline-block;width:10px;height:10px;border-radius:2px;background:var(--accent);margin:0 5px 0 0}
.key.other{background:var(--second)}
.key+.key,.after{margin-left:14px}
.warn{color:var(--second);font-weight:600}.ok{color:var(--good);font-weight:600}
.path span{white-space:nowrap}.path i{color:var(--faint);font-style:normal;padding:0 5px}
.heat{width:auto}.heat td{min-width:46px;text-align:center;border:2px solid var(--paper);padding:4px;
background:rgb(var(--accent-rgb)/var(--p))}
.heat th{white-space:nowrap;border:0}.heat th[scope=row]{color:var(--ink);padding:4px 10px 4px 0}
.heat .slant{height:132px;vertical-align:bottom;padding:0;text-align:left}
.heat .slant span{display:block;width:46px;writing-mode:vertical-rl;transform:rotate(180deg);padding:4px 14px;
white-space:nowrap}
details{margin:16px 0 0}summary{cursor:pointer;color:var(--soft)}summary:hover{color:var(--accent)}
.glossary{columns:2;column-gap:44px}.glossary dt{font-weight:600;break-after:avoid}
.glossary dd{margin:0 0 12px;color:var(--soft);break-inside:avoid}
@media (max-width:900px){.scroll .chart{min-width:1040px}}
@media (max-width:700px){main{padding:28px 16px 48px}.glossary{columns:1}.findings{padding:18px}
section{margin-top:40px}}
@media print{@page{margin:15mm}body{background:#fff}main{max-width:none;padding:0;zoom:.74}.row>*{flex-basis:200px}
nav,.hover{display:none}
section{margin-top:28px}figure,tr,.kpis>div,.findings{break-inside:avoid}h2,h3,figcaption{break-after:avoid}
.findings{border:1px solid var(--rule)}.table,.scroll{overflow:visible;background:none}
.scroll .chart{min-width:0}}
@media print and (prefers-color-scheme:dark){:root{--paper:#fff;--ink:#1c2024;--soft:#5c6670;--faint:#8b949e;
--rule:#e3e6ea;--wash:#f5f6f8;
--accent:#1f5fa8;--accent-rgb:31 95 168;--second:#a8641f;--good:#1a7a4c;--bad:#b3362b;--band:#1f5fa826;
--mark:#1c2024}}
"""
