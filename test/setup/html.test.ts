import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Html, html } from '../../src/setup/html.ts';
import { forwardingAdvice } from '../../src/setup/ssh.ts';

describe('html', () => {
  it('escapes whatever is put in, but HTML', () => {
    const inner = html`<b title="${'"><script>'}">${"<&'>"}</b>`;
    assert.equal(inner.markup, '<b title="&quot;&gt;&lt;script&gt;">&lt;&amp;&#39;&gt;</b>');
    assert.equal(
      html`<p>${inner}${undefined}${7}${[inner, new Html('<br>')]}</p>`.markup,
      `<p>${inner.markup}7${inner.markup}<br></p>`,
    );
  });
});

describe('forwardingAdvice', () => {
  const rows = [
    { connection: undefined, want: undefined },
    { connection: '', want: undefined },
    { connection: '192.0.2.7 50000 198.51.100.4 22', want: 'ssh -N -L 8765:127.0.0.1:8765 198.51.100.4' },
    { connection: '2001:db8::1 50000 2001:db8::2 2222', want: 'ssh -N -L 8765:127.0.0.1:8765 -p 2222 2001:db8::2' },
    { connection: 'a 1 $(reboot) 22', want: undefined },
  ];
  for (const { connection, want } of rows) {
    it(`reads ${JSON.stringify(connection)}`, () => assert.equal(forwardingAdvice(connection, 8765), want));
  }
});
