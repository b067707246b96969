/** The style sheet of the set-up's pages, for light and dark; the colours are those of the gateway's pages. */
export const pageStyle = `
:root{color-scheme:light dark;--ink:#1c2430;--soft:#5b6675;--line:#dfe4ea;--edge:#848f9e;--paper:#fff;--ground:#f5f7f9;--accent:#1f5fd6;--on-accent:#fff;--tint:#eaf1fe;--bad:#b4232e;--bad-tint:#fdecee;--warn:#8a5a00;--warn-tint:#fff6e0;--good:#17803f;--good-tint:#e7f6ec}
@media (prefers-color-scheme:dark){:root{--ink:#e8edf3;--soft:#9aa6b5;--line:#2b333e;--edge:#66717f;--paper:#171c23;--ground:#0f1318;--accent:#7aa8ff;--on-accent:#0b1526;--tint:#18243a;--bad:#ff8a92;--bad-tint:#341a1e;--warn:#f0c060;--warn-tint:#2e2615;--good:#5fd694;--good-tint:#14291d}}
*{box-sizing:border-box}
body{margin:0;padding:40px 20px 64px;background:var(--ground);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
.sheet{max-width:680px;margin:0 auto}
header{display:flex;align-items:center;justify-content:space-between;flex-wrap:wrap;gap:12px 24px;margin-bottom:20px}
.brand{display:flex;align-items:center;gap:10px;font-weight:650;font-size:18px;letter-spacing:-.01em}
.brand svg{width:26px;height:26px;color:var(--accent)}
.steps{display:flex;gap:8px;margin:0;padding:0;list-style:none;font-size:14px;color:var(--soft)}
.steps li{display:flex;align-items:center;gap:7px}
.steps li+li::before{content:"";width:18px;height:1px;background:var(--line)}
.steps b{display:inline-grid;place-content:center;width:22px;height:22px;border-radius:50%;border:1px solid var(--line);background:var(--paper);font-size:12px;font-weight:600}
.steps .now{color:var(--ink);font-weight:600}.steps .now b{background:var(--accent);border-color:var(--accent);color:var(--on-accent)}
.steps .past b{background:var(--good-tint);border-color:transparent;color:var(--good)}
main{padding:32px 36px 36px;background:var(--paper);border:1px solid var(--line);border-radius:16px;box-shadow:0 1px 2px rgb(16 24 40/4%),0 8px 24px rgb(16 24 40/5%)}
h1{margin:0;font-size:24px;line-height:1.3;letter-spacing:-.015em;text-wrap:balance}
h2{margin:28px 0 8px;font-size:16px}
p{margin:10px 0 0;overflow-wrap:anywhere}
.lead{color:var(--soft)}
a{color:var(--accent);text-underline-offset:2px}
code,pre{font:.875em/1.55 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
code{overflow-wrap:anywhere}
pre{margin:10px 0 0;padding:14px 16px;overflow-x:auto;background:var(--ground);border:1px solid var(--line);border-radius:10px}
.field{margin-top:22px}
label{font-weight:600}
.field .hint,.check .hint{margin:2px 0 0;color:var(--soft);font-size:14px}
.field input{display:block;width:100%;margin-top:8px;padding:10px 12px;font:inherit;color:inherit;background:var(--paper);border:1px solid var(--edge);border-radius:9px}
.field input:hover{border-color:var(--ink)}
.field input[aria-invalid=true]{border-color:var(--bad);box-shadow:0 0 0 1px var(--bad)}
.field .problem{margin:6px 0 0;color:var(--bad);font-size:14px;font-weight:500}
.check{display:flex;gap:11px;align-items:flex-start;margin-top:22px}
.check input{flex:none;width:17px;height:17px;margin:4px 0 0;accent-color:var(--accent)}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.actions{display:flex;flex-wrap:wrap;align-items:center;gap:12px 22px;margin-top:30px}
button,.button{display:inline-block;padding:11px 20px;font:inherit;font-weight:600;text-decoration:none;color:var(--on-accent);background:var(--accent);border:0;border-radius:9px;cursor:pointer}
button:hover,.button:hover{filter:brightness(1.08)}
.after{margin-top:20px}
dl{margin:22px 0 0;border:1px solid var(--line);border-radius:10px}
dl div{display:grid;grid-template-columns:9.5em 1fr;gap:4px 16px;padding:11px 16px}
dl div+div{border-top:1px solid var(--line)}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
table{width:100%;margin-top:10px;border-collapse:collapse;font-size:15px}
th,td{padding:8px 12px 8px 0;text-align:left;vertical-align:baseline;border-top:1px solid var(--line)}
th{font-weight:400}
td.access{color:var(--soft);white-space:nowrap}
.tag{display:inline-block;padding:1px 9px;border-radius:99px;background:var(--ground);color:var(--soft);font-size:13px}
.tag.write{background:var(--tint);color:var(--accent)}
.note{margin-top:20px;padding:12px 16px;border-radius:10px;background:var(--tint)}
.note+.note{margin-top:10px}
.note.bad{background:var(--bad-tint);color:var(--bad)}.note.warn{background:var(--warn-tint);color:var(--warn)}.note.good{background:var(--good-tint);color:var(--good)}
ol.next{margin:22px 0 0;padding:0;list-style:none;counter-reset:next}
ol.next>li{position:relative;padding:0 0 26px 44px;counter-increment:next}
ol.next>li::before{content:counter(next);position:absolute;left:0;top:0;display:grid;place-content:center;width:28px;height:28px;border-radius:50%;background:var(--tint);color:var(--accent);font-size:14px;font-weight:650}
ol.next>li:not(:last-child)::after{content:"";position:absolute;left:13.5px;top:34px;bottom:6px;width:1px;background:var(--line)}
ol.next>li:last-child{padding-bottom:0}
ol.next h2{margin:0;padding-top:2px}
.next .button{margin-top:12px}
@media (max-width:560px){main{padding:24px 20px 28px}.steps span{display:none}.steps .now span{display:inline}dl div{grid-template-columns:1fr;gap:0}tr{display:grid;grid-template-columns:1fr auto;padding:9px 0;border-top:1px solid var(--line)}th,td{padding:0;border:0}td:last-child{grid-column:1/-1;color:var(--soft)}}
`.trim();
