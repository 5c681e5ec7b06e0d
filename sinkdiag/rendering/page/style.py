"""How the page looks: on a phone and a desk, on light and dark screens, and in print."""

STYLE = """
:root{--paper:#fff;--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;--grid:#b0b0b0;--tint:#f6f8fa;
--blue:#0072b2;--violet:#440154;--ok:#007a55;--act:#b24a00;--unknown:#57606a}
@media (prefers-color-scheme:dark){:root{--paper:#14171a;--ink:#e6e9ec;--soft:#a3acb5;
--line:#3a424a;--grid:#7a828a;--tint:#1d2227;--blue:#58b0e8;--violet:#b58bd8;--ok:#3fc997;--act:#f09a4e;
--unknown:#a3acb5}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0 auto;max-width:62rem;padding:1rem 1rem 4rem;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
h1{font-size:1.5rem;line-height:1.25;margin:.5rem 0;overflow-wrap:anywhere}
h2{font-size:1.25rem;margin:2.5rem 0 .5rem;border-top:1px solid var(--line);padding-top:1rem}
p{margin:.5rem 0;overflow-wrap:anywhere}
a{color:var(--blue)}
.about,.lead,footer,figcaption{color:var(--soft)}
nav{margin:.75rem 0;display:flex;flex-wrap:wrap;gap:.25rem 1rem}
ul.answers{list-style:none;margin:1rem 0;padding:0}
ul.answers li{display:grid;grid-template-columns:5.5rem 1fr;gap:.1rem .75rem;padding:.6rem 0;
border-top:1px solid var(--line)}
ul.answers h3{font-size:1rem;margin:0;grid-column:2}
ul.answers p{margin:0;grid-column:2}
.verdict{grid-row:1/span 2;font-weight:600;text-align:center;align-self:start;
border:1px solid currentColor;border-radius:.35rem;padding:.05rem .3rem}
.ok{color:var(--ok)}.act{color:var(--act)}.unknown{color:var(--unknown)}
ul.findings{padding-left:1.2rem;margin:.5rem 0}
ul.findings li{margin:.25rem 0;overflow-wrap:anywhere}
figure{margin:1rem 0;overflow-x:auto}
figure svg{display:block;max-width:100%;height:auto;color:var(--ink);
background:var(--paper);stroke-linejoin:round;stroke-linecap:butt}
svg text{fill:currentColor;font-family:"DejaVu Sans",Verdana,Geneva,sans-serif;white-space:pre}
.wide{overflow-x:auto;margin:.75rem 0}
table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums}
th,td{padding:.3rem .6rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
td,th.n{text-align:right;white-space:nowrap}
td.t{text-align:left;white-space:normal}
thead th{background:var(--tint);position:sticky;top:0}
table.single td:last-child{color:var(--soft);min-width:16rem}
table.single td:nth-child(2){min-width:8rem}
th button{all:unset;cursor:pointer;font-weight:600;white-space:nowrap}
th button:focus-visible,.wide:focus-visible,summary:focus-visible{outline:2px solid var(--blue)}
th[aria-sort=ascending] button::after{content:" \\2191"}
th[aria-sort=descending] button::after{content:" \\2193"}
details{margin:.75rem 0}
summary{cursor:pointer;color:var(--blue)}
dt{font-weight:600;margin-top:.4rem}dd{margin:0 0 0 1rem;color:var(--soft)}
footer{margin-top:3rem;border-top:1px solid var(--line);padding-top:1rem;font-size:.85rem}
@media (max-width:30rem){ul.answers li{grid-template-columns:1fr}ul.answers h3,ul.answers p{
grid-column:1}.verdict{grid-row:auto;justify-self:start;min-width:4rem}}
@media print{:root{--paper:#fff;--ink:#000;--soft:#333;--line:#999;--grid:#b0b0b0;--tint:#fff;
--blue:#0072b2;--violet:#440154;--ok:#007a55;--act:#b24a00;--unknown:#333}
body{max-width:none;padding:0;font-size:10pt}nav{display:none}
figure svg{min-width:0!important}figure,ul.answers li,tr{break-inside:avoid}h2{break-after:avoid}
.wide,figure{overflow:visible}th,td{padding:.1rem}
table.sortable{font-size:4.8pt}
table.sortable th{white-space:normal;overflow-wrap:anywhere}th button{white-space:inherit}}
"""
