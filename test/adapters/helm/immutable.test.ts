import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { immutableObjects, withoutImmutable } from '../../../src/adapters/helm/immutable.ts';

const selector =
  'cannot patch "web" with kind Deployment: Deployment.apps "web" is invalid: spec.selector: Invalid value: v1.LabelSelector{}: field is immutable';
const claim =
  'cannot patch "data" with kind PersistentVolumeClaim: PersistentVolumeClaim "data" is invalid: spec: Forbidden: spec is immutable after creation except resources.requests for bound claims';
const badPort =
  'cannot patch "web" with kind Service: Service "web" is invalid: spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive';

describe('immutableObjects', () => {
  it('names every object of the line, as Helm prints it', () => {
    assert.deepEqual(immutableObjects(`Error: UPGRADE FAILED: ${selector} && ${claim}`), [
      { kind: 'Deployment', name: 'web' },
      { kind: 'PersistentVolumeClaim', name: 'data' },
    ]);
  });

  it('names none whose value is just wrong: it would be refused anew as well', () => {
    assert.deepEqual(immutableObjects(`Error: UPGRADE FAILED: ${badPort}`), []);
  });
});

describe('withoutImmutable', () => {
  const deployment = { kind: 'Deployment', metadata: { name: 'web' } };
  const service = { kind: 'Service', metadata: { name: 'web' } };
  const volume = { kind: 'PersistentVolumeClaim', metadata: { name: 'data' } };

  it('leaves out what is made anew, by kind and name', () => {
    assert.deepEqual(withoutImmutable([deployment, service, volume], immutableObjects(selector)), [service, volume]);
  });

  it('is of no use where nothing is immutable', () => {
    assert.equal(withoutImmutable([deployment], immutableObjects(badPort)), undefined);
  });

  it('throws nothing away when a volume is refused too', () => {
    assert.equal(withoutImmutable([deployment, volume], immutableObjects(`${selector} && ${claim}`)), undefined);
  });
});
