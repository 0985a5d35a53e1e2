//! How the page looks, by day, by night and on paper.

/// The style sheet.
pub(super) const CSS: &str = r"
:root {
  color-scheme: light dark;
  --paper: #fffffb; --text: #1b1b1a; --axis: #595955; --grid: #e6e6df; --rule: #cfcfc6;
  --model: #1f5a9e; --pale: #a9c1dc; --miss: #a8430a; --guide: #75756f;
  --right: 31, 90, 158; --wrong: 200, 90, 20; --warning: #fdf1e6;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #16181a; --text: #e8e7e2; --axis: #aeaea7; --grid: #2b2e31; --rule: #43474b;
    --model: #85b7ee; --pale: #40607f; --miss: #f2a566; --guide: #94948d;
    --right: 95, 155, 225; --wrong: 225, 130, 60; --warning: #2e2318;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--paper); color: var(--text);
  font: 1rem/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif;
}
main { max-width: 68rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1, h2, h3 { line-height: 1.2; font-weight: 600; overflow-wrap: anywhere; }
h1 { font-size: 1.9rem; margin: 0 0 1rem; }
h2 { font-size: 1.3rem; margin: 3.25rem 0 .75rem; padding-top: .75rem; border-top: 1px solid var(--rule); }
h3 { font-size: 1.02rem; margin: 1.75rem 0 .5rem; }
p, dl, ul, figcaption { max-width: 70ch; overflow-wrap: anywhere; }
p { margin: .5rem 0 .75rem; }
a { color: var(--model); text-underline-offset: .15em; }
a:focus-visible, summary:focus-visible, .scroll:focus-visible { outline: 2px solid var(--model); outline-offset: 2px; }
.kind { margin: 0 0 .25rem; color: var(--axis); }
.verdict { font-size: 1.12rem; }
.note, .source { color: var(--axis); }
.source { font-size: .92rem; margin-top: 0; }
.warning { background: var(--warning); border-left: 4px solid var(--miss); padding: .6rem .9rem; }
nav ol { columns: 2 15rem; max-width: 70ch; padding-left: 1.5rem; margin: 1.5rem 0 0; }
nav li { margin: .15rem 0; break-inside: avoid; }
dl { display: grid; grid-template-columns: minmax(7rem, 12rem) 1fr; gap: .3rem 1.25rem; margin: .5rem 0; }
dt { color: var(--axis); }
dd { margin: 0; min-width: 0; }
ul { padding-left: 1.25rem; }
@media (max-width: 36rem) {
  main { padding: 1.5rem 1rem 3rem; }
  dl { display: block; }
  dd { margin: 0 0 .6rem; }
}
.scroll { overflow-x: auto; max-width: 100%; margin: .5rem 0 1rem; }
table { border-collapse: collapse; font-size: .92rem; line-height: 1.35; font-variant-numeric: tabular-nums lining-nums; }
th, td { padding: .28rem .9rem .28rem 0; text-align: left; vertical-align: top; font-weight: 400; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--axis); border-bottom: 1px solid var(--rule); vertical-align: bottom; }
tbody th { font-weight: 500; }
tbody tr + tr > * { border-top: 1px solid var(--grid); }
.words { min-width: 3rem; max-width: 26rem; overflow-wrap: anywhere; }
tbody td.words { min-width: 5.75rem; }
tbody th.words { min-width: 7.5rem; }
tbody td.words:last-child { min-width: 12rem; }
.number { text-align: right; white-space: nowrap; }
thead .number { white-space: normal; min-width: 4.5rem; overflow-wrap: break-word; }
.bars { width: 100%; max-width: 46rem; }
.bars .words { max-width: 14rem; }
.bars .track { width: 45%; min-width: 5rem; }
.bar { height: .8rem; margin-top: .22rem; background: var(--model); min-width: 1px; }
.confusion th, .confusion td { padding: .28rem .5rem; border: 1px solid var(--paper); }
.confusion tbody td { min-width: 2.6rem; }
.confusion tr > :first-child { position: sticky; left: 0; background: var(--paper); white-space: nowrap; }
.confusion thead .number { min-width: 2.6rem; white-space: nowrap; }
.confusion .none { color: var(--axis); }
.right-1 { background: rgba(var(--right), .08); } .right-2 { background: rgba(var(--right), .14); }
.right-3 { background: rgba(var(--right), .20); } .right-4 { background: rgba(var(--right), .26); }
.right-5 { background: rgba(var(--right), .32); } .right-6 { background: rgba(var(--right), .38); }
.wrong-1 { background: rgba(var(--wrong), .12); } .wrong-2 { background: rgba(var(--wrong), .20); }
.wrong-3 { background: rgba(var(--wrong), .27); } .wrong-4 { background: rgba(var(--wrong), .33); }
.wrong-5 { background: rgba(var(--wrong), .38); } .wrong-6 { background: rgba(var(--wrong), .42); }
figure { margin: 0 0 1.25rem; max-width: 34rem; min-width: 0; }
figcaption { font-size: .92rem; margin-bottom: .5rem; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { font-family: inherit; font-variant-numeric: tabular-nums; }
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 0 2.5rem; }
.panels figure { display: grid; grid-template-columns: minmax(0, 1fr); grid-row: span 3; grid-template-rows: subgrid; align-content: start; }
.panels figcaption { align-self: end; }
.multiples { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); gap: .75rem 2rem; align-items: start; }
details { font-size: .95rem; margin-top: .35rem; }
details .scroll { max-height: 24rem; overflow: auto; }
summary { cursor: pointer; color: var(--axis); width: fit-content; }
.key { font-weight: 600; }
.key.model { color: var(--model); } .key.miss { color: var(--miss); }
.key.pale { color: var(--axis); border-bottom: 3px solid var(--pale); }
.fill-text { fill: var(--text); } .fill-axis { fill: var(--axis); } .fill-grid { fill: var(--grid); }
.fill-model { fill: var(--model); } .fill-pale { fill: var(--pale); } .fill-miss { fill: var(--miss); }
.fill-guide { fill: var(--guide); }
.stroke-text { stroke: var(--text); } .stroke-axis { stroke: var(--axis); } .stroke-grid { stroke: var(--grid); }
.stroke-model { stroke: var(--model); } .stroke-pale { stroke: var(--pale); } .stroke-miss { stroke: var(--miss); }
.stroke-guide { stroke: var(--guide); stroke-dasharray: 40 30; }
@media print {
  :root {
    --paper: #fff; --text: #000; --axis: #444; --grid: #ddd; --rule: #aaa; --model: #1f5a9e; --pale: #a9c1dc;
    --miss: #a8430a; --guide: #666; --right: 31, 90, 158; --wrong: 200, 90, 20; --warning: #fff;
  }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  main { max-width: none; padding: 0; }
  nav { display: none; }
  h2, h3 { break-after: avoid; }
  figure, tr { break-inside: avoid; }
  .scroll, details .scroll { overflow: visible; max-height: none; }
  details:not([open]) { display: none; }
}
";
