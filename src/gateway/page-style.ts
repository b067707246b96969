/** The style sheet of the gateway's pages, for light and dark. */
export const pageStyle = `
:root{color-scheme:light dark;--ink:#1c2430;--soft:#5b6675;--line:#dfe4ea;--paper:#fff;--ground:#f5f7f9;--busy:#2f6feb;--bad:#d1343f;--good:#1f9d55;--quiet:#8a94a3}
@media (prefers-color-scheme:dark){:root{--ink:#e8edf3;--soft:#9aa6b5;--line:#2b333e;--paper:#171c23;--ground:#0f1318;--busy:#6ea0ff;--bad:#ff6b74;--good:#4cc987;--quiet:#7b8696}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;grid-template-columns:minmax(0,640px);place-content:center;padding:24px;background:var(--ground);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{--tone:var(--quiet);padding:32px;background:var(--paper);border:1px solid var(--line);border-radius:14px}
main.busy{--tone:var(--busy)}main.bad{--tone:var(--bad)}
h1{margin:0;font-size:22px;line-height:1.3;display:flex;align-items:center;gap:12px}
.dot{flex:none;width:12px;height:12px;border-radius:50%;background:var(--tone)}
.busy .dot{animation:pulse 1.2s ease-in-out infinite}
@keyframes pulse{50%{opacity:.25;transform:scale(.8)}}
@media (prefers-reduced-motion:reduce){.busy .dot{animation:none}}
p{margin:12px 0 0;overflow-wrap:anywhere}
ul{margin:16px 0 0;padding-left:20px;overflow-wrap:anywhere}
.images{list-style:none;padding:0;border-top:1px solid var(--line)}
.images li{display:flex;justify-content:space-between;align-items:baseline;gap:16px;padding:8px 0}.images li+li{border-top:1px solid var(--line)}
.images span{color:var(--soft)}.images .building span{color:var(--busy)}.images .built span{color:var(--good)}.images .failed span{color:var(--bad)}
pre{margin:16px 0 0;padding:14px 16px;max-height:340px;overflow:auto;background:var(--ground);border:1px solid var(--line);border-radius:8px;font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
code{font:.9em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
a{color:var(--busy)}
footer{margin-top:24px;padding-top:16px;border-top:1px solid var(--line);color:var(--soft);font-size:14px;overflow-wrap:anywhere}
`.trim();
