/** Whether what is in a namespace still is what Berth put there. Pure. */
import { isSameQuantity } from '../../domain/quantity.ts';
import type { KubernetesObject } from './objects.ts';
import type { PolicyObject } from './policy-objects.ts';

/** Kinds whose texts are amounts, which the API server writes in its own way. */
const kindsOfQuantities: ReadonlySet<string> = new Set(['ResourceQuota', 'LimitRange']);

/**
 * Whether an object says what it should: our labels are on it, and each field that we set is exactly as we set it. What we set
 * is complete: a field beside ours, such as a quota's scope, may undo it and is a difference too.
 */
export function isAsWanted(wanted: PolicyObject['body'], actual: KubernetesObject | undefined): boolean {
  if (actual === undefined) return false;
  const { apiVersion: _, kind, metadata, ...fields } = wanted;
  const isSameText = kindsOfQuantities.has(kind) ? isSameQuantity : (one: string, other: string) => one === other;
  const present: Readonly<Record<string, unknown>> = { ...actual };
  return (
    hasLabels(actual, metadata.labels) &&
    hasAnnotations(actual, metadata.annotations ?? {}) &&
    Object.entries(fields).every(([field, value]) => isSame(value, present[field], isSameText))
  );
}

/** Whether all these labels are on the object. */
export function hasLabels({ metadata }: KubernetesObject, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(labels).every(([label, value]) => metadata.labels?.[label] === value);
}

/** Whether all these annotations are on the object. */
export function hasAnnotations({ metadata }: KubernetesObject, annotations: Readonly<Record<string, string>>): boolean {
  return Object.entries(annotations).every(([name, value]) => metadata.annotations?.[name] === value);
}

function isSame(one: unknown, other: unknown, isSameText: (one: string, other: string) => boolean): boolean {
  if (typeof one === 'string' && typeof other === 'string') return isSameText(one, other);
  if (Array.isArray(one) || Array.isArray(other)) {
    // The API server leaves empty lists out.
    const [items, others] = [listOf(one), listOf(other)];
    if (items?.length !== others?.length) return false;
    return items?.every((item, index) => isSame(item, others?.[index], isSameText)) === true;
  }
  if (!isFields(one) || !isFields(other)) return one === other;
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].every((name) => isSame(one[name], other[name], isSameText));
}

function listOf(value: unknown): readonly unknown[] | undefined {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : undefined;
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
