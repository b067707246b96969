import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { refusedChart } from '../../../src/domain/gate.ts';
import { object, pod, podSpec, refusals, service, withValue } from './sample.ts';

describe('refusalsOf', () => {
  const privileged = withValue(pod(), 'spec.containers[0].securityContext.privileged', true);

  it('E11 names the object, the field and the rule', () => {
    assert.deepEqual(refusals(privileged), [
      {
        object: 'Pod/web',
        field: 'spec.containers[0].securityContext.privileged',
        rule: 'Pod Security "baseline": privileged containers',
      },
    ]);
  });

  it('E12 gives every reason, in the order of the objects', () => {
    const found = refusals([service({ type: 'NodePort', externalIPs: ['10.0.0.1'] }), pod(), privileged]);
    assert.deepEqual(
      found.map(({ object, field }) => `${object} ${field}`),
      [
        'Service/web spec.type',
        'Service/web spec.externalIPs',
        'Pod/web spec.containers[0].securityContext.privileged',
      ],
    );
  });

  it('names what has no name by its place', () => {
    assert.deepEqual(
      refusals([pod(), {}, { kind: 'Pod' }, [privileged]])
        .map(({ object }) => object)
        .filter((name, at, all) => all.indexOf(name) === at),
      ['Document 2', 'Document 3 (Pod)', 'Document 4'],
    );
  });

  it('E9 treats hooks as ordinary objects', () => {
    const hook = object(
      'batch/v1',
      'Job',
      { spec: { template: { spec: podSpec({ hostPID: true }) } } },
      { annotations: { 'helm.sh/hook': 'pre-install' } },
    );
    assert.deepEqual(
      refusals(hook).map(({ field }) => field),
      ['spec.template.spec.hostPID'],
    );
  });
});

describe('refusedChart', () => {
  const refusal = (index: number) => ({ object: `Pod/web-${index}`, field: 'spec.hostPID', rule: 'host namespaces' });

  it('names the only one', () => {
    assert.deepEqual(refusedChart([refusal(1)]), {
      reason: 'ChartRefused',
      message: 'The chart has something that a preview may not have: Pod/web-1: spec.hostPID: host namespaces.',
      log: ['Pod/web-1: spec.hostPID: host namespaces'],
    });
    assert.match(refusedChart([{ ...refusal(1), field: '' }]).message, /have: Pod\/web-1: host namespaces\.$/);
  });

  it('names the first of many and lists at most 20 lines', () => {
    const twenty = Array.from({ length: 20 }, (_, index) => refusal(index));
    assert.match(refusedChart(twenty).message, /Pod\/web-0: spec.hostPID: host namespaces \(and 19 more\)\.$/);
    assert.equal(refusedChart(twenty).log?.length, 20);
    assert.match(refusedChart(twenty).log?.at(-1) ?? '', /web-19/);
    const many = refusedChart([...twenty, refusal(20)]);
    assert.equal(many.log?.length, 20);
    assert.equal(many.log.at(-1), 'and 2 more');
  });
});
