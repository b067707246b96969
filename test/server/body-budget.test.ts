import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bodyBudget } from '../../src/server/body-budget.ts';

const kilobyte = 1_000;

/** A budget of 1 MB with small bodies of up to 100 kB, and the names of those who gave up. */
function budgetForTest() {
  const gaveUp: string[] = [];
  const budget = bodyBudget({ totalBytes: 1_000 * kilobyte, smallBytes: 100 * kilobyte });
  const open = (name: string, address = name, declaredBytes?: number) =>
    budget.open(address, declaredBytes, () => gaveUp.push(name));
  return { budget, gaveUp, open };
}

describe('bodyBudget', () => {
  it('lets the largest body go when there is too much, and no small one', () => {
    const { budget, gaveUp, open } = budgetForTest();
    const small = open('small');
    small?.add(90 * kilobyte);
    open('large')?.add(400 * kilobyte);
    open('larger')?.add(500 * kilobyte);
    open('late')?.add(80 * kilobyte);
    assert.deepEqual(gaveUp, ['larger']);
    assert.ok(budget.heldBytes() < 600 * kilobyte);
    small?.close();
  });

  it('looks for it where most comes from', () => {
    const { gaveUp, open } = budgetForTest();
    for (const name of ['a', 'b', 'c']) open(name, 'flood')?.add(200 * kilobyte);
    open('github', 'github')?.add(300 * kilobyte);
    open('late', 'github')?.add(150 * kilobyte);
    assert.deepEqual(gaveUp, ['a']);
  });

  it('lets the oldest go when all are small', () => {
    const { gaveUp, open } = budgetForTest();
    for (let nth = 0; nth < 12; nth += 1) open(`drip ${nth}`)?.add(90 * kilobyte);
    open('fresh')?.add(90 * kilobyte);
    assert.deepEqual(gaveUp, ['drip 0', 'drip 1']);
  });

  it('has no room for a large body that would not fit, but always for a small one', () => {
    const { open } = budgetForTest();
    open('one')?.add(600 * kilobyte);
    assert.equal(open('two', 'two', 500 * kilobyte), undefined);
    assert.ok(open('three', 'three', 100 * kilobyte));
    assert.ok(open('four', 'four', 350 * kilobyte));
  });

  it('counts what pieces cost by themselves', () => {
    const { gaveUp, open } = budgetForTest();
    const drip = open('drip');
    for (let nth = 0; nth < 5_000; nth += 1) drip?.add(1);
    assert.deepEqual(gaveUp, ['drip']);
  });

  it('forgets what is closed, once', () => {
    const { budget, open } = budgetForTest();
    const share = open('one');
    share?.add(10);
    share?.close();
    share?.close();
    share?.add(10);
    assert.equal(budget.heldBytes(), 0);
  });
});
