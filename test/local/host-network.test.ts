import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { rangesByMetric } from '../../deploy/local/host-network.ts';

// As the kernel prints it: addresses backwards, the metric in decimal.
const table = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010200C0	0003	0	0	0	00000000	0	0	0
br-1	0000C90A	036433C6	0003	0	0	41993	00F0FFFF	0	0	0
br-1	0000CA0A	036433C6	0003	0	0	41993	0000FFFF	0	0	0
br-1	006433C6	00000000	0001	0	0	0	00FFFFFF	0	0	0
`;

describe('rangesByMetric', () => {
  it('tells our routes from others', () => {
    assert.deepEqual(rangesByMetric(table, 41_993), ['10.201.0.0/20', '10.202.0.0/16']);
  });

  it('finds none where there is none', () => {
    assert.deepEqual(rangesByMetric(table, 7), []);
    assert.deepEqual(rangesByMetric('', 7), []);
  });
});
