import { createPublicKey, verify } from 'node:crypto';
import type { Installation, Token } from '../world/entities.ts';
import type { World } from '../world/world.ts';
import { Refusal } from './answer.ts';

export type Caller =
  | { readonly kind: 'anyone' }
  | { readonly kind: 'app' }
  | { readonly kind: 'installation'; readonly installation: Installation; readonly token: Token };

/** Who a request's `Authorization` header speaks for. Throws a 401 or 403 as GitHub words it. */
export function callerOf(world: World, authorization: string | undefined): Caller {
  const [scheme, credential] = (authorization ?? '').split(' ');
  if (!credential) throw new Refusal(401, 'Requires authentication');
  if (!/^(bearer|token)$/i.test(scheme ?? '')) throw new Refusal(401, 'Bad credentials');
  if (credential.split('.').length === 3) {
    checkAppToken(world, credential);
    return { kind: 'app' };
  }
  return installationCaller(world, credential);
}

export function installationCaller(world: World, credential: string): Caller & { kind: 'installation' } {
  const token = world.tokens.get(credential);
  if (!token || token.expiresAt <= world.now()) throw new Refusal(401, 'Bad credentials');
  const installation = world.installations.get(token.installationId);
  if (!installation) throw new Refusal(401, 'Bad credentials');
  if (installation.suspendedAt) throw new Refusal(403, 'This installation has been suspended');
  return { kind: 'installation', installation, token };
}

function checkAppToken(world: World, token: string): void {
  const [header = '', payload = '', signature = ''] = token.split('.');
  const undecodable = new Refusal(401, 'A JSON web token could not be decoded');
  const { alg } = decoded(header, undecodable);
  const claims = decoded(payload, undecodable);
  const key = createPublicKey(world.publicKey);
  const signed = Buffer.from(`${header}.${payload}`);
  if (alg !== 'RS256' || !verify('RSA-SHA256', signed, key, Buffer.from(signature, 'base64url'))) throw undecodable;
  const { iat, exp, iss } = claims;
  if (![String(world.app.id), world.app.clientId].includes(String(iss)))
    throw new Refusal(401, 'Integration not found');
  const now = world.now().getTime() / 1000;
  // Clients correct their clock when they see these two sentences. Source: octokit/auth-app.js, hook.ts.
  if (typeof iat !== 'number' || iat > now + 60) {
    throw new Refusal(
      401,
      "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued.",
    );
  }
  if (typeof exp !== 'number' || exp <= now) {
    throw new Refusal(
      401,
      "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires.",
    );
  }
  if (exp - now > 660) throw new Refusal(401, "'Expiration time' claim ('exp') is too far in the future");
}

function decoded(part: string, otherwise: Refusal): Record<string, unknown> {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as Record<string, unknown>;
  } catch {
    throw otherwise;
  }
}
