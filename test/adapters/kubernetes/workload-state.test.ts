import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { workloadState } from '../../../src/adapters/kubernetes/workload-state.ts';
import type { WorkloadObjects } from '../../../src/adapters/kubernetes/workloads.ts';
import type { Reason, WorkloadState } from '../../../src/domain/preview.ts';
import { at, deployment, epoch, event, job, objects, pod, ready, replicaSet, statefulSet } from './workload-objects.ts';

const web = { deployments: [deployment('web', { updated: 1 })], replicaSets: [replicaSet('web')] };
const pulling = { waiting: { reason: 'ContainerCreating' } };
const crashed = (exitCode: number, reason = 'Error') => ({
  terminated: { exitCode, reason, startedAt: at(1), finishedAt: at(2) },
});
const backOff = { waiting: { reason: 'CrashLoopBackOff' } };
const quota = 'pods "web-1-b" is forbidden: exceeded quota: berth, requested: pods=1, used: pods=20, limited: pods=20';

function pullFailure(reason: string, message: string) {
  return pod({ container: { state: { waiting: { reason, message } } }, image: 'registry/web:1' });
}

describe('workloadState', () => {
  const steady: readonly { name: string; given: Partial<WorkloadObjects>; want: WorkloadState }[] = [
    { name: 'nothing is there', given: {}, want: { state: 'none' } },
    {
      name: 'a deployment is not yet seen by its controller',
      given: { deployments: [deployment('web', { generation: 2, observed: 1, updated: 1, available: 1 })] },
      want: { state: 'progressing', message: '0 of 1 pod is ready; waiting for `web`' },
    },
    {
      name: 'every new pod is available and no old one is left',
      given: { ...web, deployments: [deployment('web', { updated: 1, available: 1 })], pods: [pod(ready)] },
      want: { state: 'ready' },
    },
    {
      name: 'an old pod still serves',
      given: { ...web, deployments: [deployment('web', { updated: 1, total: 2, available: 2 })], pods: [pod(ready)] },
      want: { state: 'progressing', message: '1 of 1 pod is ready; waiting for `web` to settle' },
    },
    {
      name: 'some pods are still coming',
      given: {
        deployments: [
          deployment('api', { wanted: 2, updated: 2, available: 1 }),
          deployment('web', { updated: 1, available: 1 }),
        ],
        replicaSets: [replicaSet('api'), replicaSet('web')],
        pods: [
          pod({ ...ready, name: 'api-1-a', owner: 'api-1' }),
          pod({ name: 'api-1-b', owner: 'api-1', container: { state: pulling } }),
          pod(ready),
        ],
      },
      want: { state: 'progressing', message: '2 of 3 pods are ready; waiting for `api`' },
    },
    {
      name: 'a deployment is scaled to nothing',
      given: { deployments: [deployment('web', { wanted: 0 })] },
      want: { state: 'ready' },
    },
    {
      name: 'the pods of an older revision fail',
      given: {
        deployments: [deployment('web', { of: 2, generation: 2 })],
        replicaSets: [replicaSet('web', 1), replicaSet('web', 2)],
        pods: [pod({ container: { restartCount: 5, state: backOff, lastState: crashed(1) } })],
      },
      want: { state: 'progressing', message: '0 of 1 pod is ready; waiting for `web`' },
    },
    {
      name: 'the replica set of the new revision is not in our copy yet',
      given: {
        deployments: [deployment('web', { of: 2, generation: 2 })],
        replicaSets: [replicaSet('web', 1)],
        pods: [pullFailure('ImagePullBackOff', '')],
      },
      want: { state: 'progressing', message: '0 of 1 pod is ready; waiting for `web`' },
    },
    {
      name: 'a failing pod is on its way out',
      given: { ...web, pods: [pod({ ending: true, container: { restartCount: 5, state: backOff } })] },
      want: { state: 'progressing', message: '0 of 1 pod is ready; waiting for `web`' },
    },
    {
      name: 'a container died once',
      given: { ...web, pods: [pod({ container: { restartCount: 1, state: pulling, lastState: crashed(1) } })] },
      want: { state: 'progressing', message: '0 of 1 pod is ready; waiting for `web`' },
    },
    {
      name: 'an autoscaler adds a node',
      given: {
        ...web,
        pods: [
          pod({
            conditions: [
              {
                type: 'PodScheduled',
                status: 'False',
                reason: 'Unschedulable',
                message: 'no',
                lastTransitionTime: at(-999),
              },
            ],
          }),
        ],
        events: [event('web-1-a', 'TriggeredScaleUp', 'pod triggered scale-up: [{pool 1->2 (max: 3)}]')],
      },
      want: { state: 'progressing', message: '0 of 1 pod is ready; a node is being added for `web`' },
    },
    {
      name: 'the quota has not been counted yet',
      given: {
        ...web,
        replicaSets: [
          replicaSet('web', 1, [
            {
              type: 'ReplicaFailure',
              status: 'True',
              message: 'pods "web-1-a" is forbidden: status unknown for quota: berth, resources: pods',
              lastTransitionTime: at(-999),
            },
          ]),
        ],
      },
      want: { state: 'progressing', message: '0 of 1 pod is ready; waiting for `web`' },
    },
    {
      name: 'a stateful set has rolled out',
      given: {
        statefulSets: [
          statefulSet('db', { replicas: 1, readyReplicas: 1, currentRevision: 'db-1', updateRevision: 'db-1' }),
        ],
      },
      want: { state: 'ready' },
    },
    {
      name: 'a stateful set still runs an older revision',
      given: {
        statefulSets: [
          statefulSet('db', { replicas: 1, readyReplicas: 1, currentRevision: 'db-1', updateRevision: 'db-2' }),
        ],
        pods: [pod({ ...ready, owner: 'db', labels: { 'controller-revision-hash': 'db-1' } })],
      },
      want: { state: 'progressing', message: '0 of 1 pod is ready; waiting for `db`' },
    },
    {
      name: 'a stateful set was refused before it was last changed',
      given: {
        statefulSets: [
          {
            ...statefulSet('db'),
            metadata: { ...statefulSet('db').metadata, managedFields: [{ manager: 'helm', time: at(8) }] },
          },
        ],
        events: [event('db', 'FailedCreate', `create Pod db-0 in StatefulSet db failed error: ${quota}`, 5)],
      },
      want: { state: 'progressing', message: '0 of 1 pod is ready; waiting for `db`' },
    },
    {
      name: 'a job is done',
      given: { jobs: [job('seed', [{ type: 'Complete', status: 'True' }])] },
      want: { state: 'ready' },
    },
    {
      name: 'a job is at work',
      given: { jobs: [job('seed')] },
      want: { state: 'progressing', message: '0 of 1 pod is ready; waiting for `seed`' },
    },
    {
      name: 'only a hook is there',
      given: { jobs: [job('migrate', [{ type: 'Failed', status: 'True' }], { 'helm.sh/hook': 'pre-upgrade' })] },
      want: { state: 'none' },
    },
  ];
  for (const { name, given, want } of steady) {
    it(`is ${want.state} when ${name}`, () => {
      assert.deepEqual(workloadState(objects(given), epoch + 10 * 60_000).state, want);
    });
  }

  const failing: readonly {
    name: string;
    given: Partial<WorkloadObjects>;
    reason: Reason;
    message: RegExp;
    /** Seconds after the start of everything; a second earlier it is not certain. 0 for certain from the start. */
    certainAt: number;
  }[] = [
    {
      name: 'the registry does not have the image',
      given: {
        ...web,
        pods: [pullFailure('ErrImagePull', 'rpc error: code = NotFound desc = registry/web:1: not found')],
      },
      reason: 'ImagePullFailed',
      message:
        /^The image `registry\/web:1` of container `web` of `web` cannot be pulled: the registry has no such image\.$/,
      certainAt: 0,
    },
    {
      name: 'the registry refuses access, as its event tells during the back-off',
      given: {
        ...web,
        pods: [pullFailure('ImagePullBackOff', 'Back-off pulling image "registry/web:1"')],
        events: [
          event('web-1-a', 'Failed', 'Failed to pull image "registry/web:1": unexpected status code 401 Unauthorized'),
        ],
      },
      reason: 'ImagePullFailed',
      message: /the registry refuses access/,
      certainAt: 0,
    },
    {
      name: 'the registry does not answer',
      given: {
        ...web,
        pods: [pullFailure('ErrImagePull', 'failed to do request: dial tcp 10.0.0.1:443: i/o timeout')],
      },
      reason: 'ImagePullFailed',
      message: /cannot be pulled: i\/o timeout\.$/,
      certainAt: 10,
    },
    {
      name: "the image's name is not one",
      given: { ...web, pods: [pullFailure('InvalidImageName', 'couldn\'t parse image reference "A B"')] },
      reason: 'ImagePullFailed',
      message: /not a valid image name/,
      certainAt: 0,
    },
    {
      name: 'a container crashes again and again',
      given: { ...web, pods: [pod({ container: { restartCount: 2, state: backOff, lastState: crashed(3) } })] },
      reason: 'ContainerCrashed',
      message: /^Container `web` of `web` crashes with exit code 3\.$/,
      certainAt: 0,
    },
    {
      name: 'a container has crashed twice',
      given: { ...web, pods: [pod({ container: { restartCount: 1, state: crashed(127) } })] },
      reason: 'ContainerCrashed',
      message: /exit code 127 \(the command was not found\)/,
      certainAt: 0,
    },
    {
      name: 'a container without a probe is ready between two crashes',
      given: {
        ...web,
        deployments: [deployment('web', { updated: 1, available: 1 })],
        pods: [
          pod({
            ...ready,
            container: {
              ...ready.container,
              restartCount: 2,
              state: { running: { startedAt: at(0) } },
              lastState: crashed(1),
            },
          }),
        ],
      },
      reason: 'ContainerCrashed',
      message: /exit code 1/,
      certainAt: 0,
    },
    {
      name: 'a server ends by itself',
      given: {
        ...web,
        pods: [pod({ container: { restartCount: 2, state: backOff, lastState: crashed(0, 'Completed') } })],
      },
      reason: 'ContainerCrashed',
      message: /ends by itself \(exit code 0\)/,
      certainAt: 0,
    },
    {
      name: 'an init container crashes',
      given: { ...web, pods: [pod({ init: { restartCount: 2, state: backOff, lastState: crashed(1) } })] },
      reason: 'ContainerCrashed',
      message: /^Container `init` of `web` crashes/,
      certainAt: 0,
    },
    {
      name: 'a program does not exist in the image',
      given: {
        ...web,
        pods: [
          pod({
            container: {
              state: {
                terminated: {
                  exitCode: 128,
                  reason: 'StartError',
                  message: 'failed to create shim: exec: "serve": executable file not found in $PATH: unknown',
                },
              },
            },
          }),
        ],
      },
      reason: 'ContainerCrashed',
      message: /cannot be started: "serve": executable file not found in \$PATH\.$/,
      certainAt: 0,
    },
    {
      name: 'memory does not suffice',
      given: {
        ...web,
        pods: [
          pod({ memory: '64Mi', container: { restartCount: 2, state: backOff, lastState: crashed(137, 'OOMKilled') } }),
        ],
      },
      reason: 'OutOfMemory',
      message: /runs out of memory: its limit of 64Mi is too low/,
      certainAt: 0,
    },
    {
      name: 'a container is killed and nobody has said why yet: a probe may have failed',
      given: { ...web, pods: [pod({ container: { restartCount: 2, state: backOff, lastState: crashed(137) } })] },
      reason: 'OutOfMemory',
      message: /is killed, most likely for want of memory/,
      certainAt: 12,
    },
    {
      name: 'a key is missing in a ConfigMap',
      given: {
        ...web,
        pods: [
          pod({
            container: {
              state: {
                waiting: {
                  reason: 'CreateContainerConfigError',
                  message: "couldn't find key PORT in ConfigMap pr-1/settings",
                },
              },
            },
          }),
        ],
      },
      reason: 'ConfigMissing',
      message: /needs the key `PORT` of the ConfigMap `settings`, which is missing/,
      certainAt: 5,
    },
    {
      name: 'a container must not run as root',
      given: {
        ...web,
        pods: [
          pod({
            container: {
              state: {
                waiting: {
                  reason: 'CreateContainerConfigError',
                  message: 'container has runAsNonRoot and image will run as root',
                },
              },
            },
          }),
        ],
      },
      reason: 'ChartInvalid',
      message: /must not run as root: .*`USER 1000`/,
      certainAt: 0,
    },
    {
      name: 'the user of a container has a name, not a number',
      given: {
        ...web,
        pods: [
          pod({
            container: {
              state: {
                waiting: {
                  reason: 'CreateContainerConfigError',
                  message:
                    'container has runAsNonRoot and image has non-numeric user (node), cannot verify user is non-root (pod: "web_pr", container: web)',
                },
              },
            },
          }),
        ],
      },
      reason: 'ChartInvalid',
      message:
        /runs as `node`, which might be root .*: name a user by its number.*`USER 1000`.*`\w+: { runAsUser: 1000 }`/,
      certainAt: 0,
    },
    {
      name: 'a readiness probe fails for longer than it allows',
      given: {
        ...web,
        pods: [
          pod({
            readinessProbe: { initialDelaySeconds: 5, periodSeconds: 4, failureThreshold: 3 },
            container: { state: { running: { startedAt: at(1) } }, started: true },
          }),
        ],
        events: [event('web-1-a', 'Unhealthy', 'Readiness probe failed: HTTP probe failed with statuscode: 500')],
      },
      reason: 'ProbeFailed',
      message: /runs, but its readiness probe fails: HTTP probe failed with statuscode: 500\.$/,
      certainAt: 18,
    },
    {
      name: 'a liveness probe restarts a container',
      given: {
        ...web,
        pods: [
          pod({ container: { restartCount: 1, state: { running: { startedAt: at(9) } }, lastState: crashed(137) } }),
        ],
        events: [
          event('web-1-a', 'Unhealthy', 'Liveness probe failed: connection refused'),
          event('web-1-a', 'Killing', 'Container web failed liveness probe, will be restarted'),
        ],
      },
      reason: 'ProbeFailed',
      message: /restarted again and again because its liveness probe fails: connection refused/,
      certainAt: 0,
    },
    {
      name: 'the quota is used up',
      given: {
        ...web,
        replicaSets: [
          replicaSet('web', 1, [{ type: 'ReplicaFailure', status: 'True', message: quota, lastTransitionTime: at(1) }]),
        ],
      },
      reason: 'QuotaExceeded',
      message: /^The pods of `web` exceed the preview's quota: requested: pods=1, used: pods=20, limited: pods=20\.$/,
      certainAt: 6,
    },
    {
      name: 'the quota is used up for a stateful set',
      given: {
        statefulSets: [statefulSet('db')],
        events: [event('db', 'FailedCreate', `create Pod db-0 in StatefulSet db failed error: ${quota}`)],
      },
      reason: 'QuotaExceeded',
      message: /^The pods of `db` exceed/,
      certainAt: 5,
    },
    {
      name: 'Pod Security forbids the pods',
      given: {
        ...web,
        replicaSets: [
          replicaSet('web', 1, [
            {
              type: 'ReplicaFailure',
              status: 'True',
              message:
                'pods "web-1-a" is forbidden: violates PodSecurity "restricted:latest": privileged (container "web" must not set securityContext.privileged=true)',
            },
          ]),
        ],
      },
      reason: 'ChartInvalid',
      message: /^The security rules of previews forbid the pods of `web`: privileged \(container "web"/,
      certainAt: 0,
    },
    {
      name: 'no node has room',
      given: {
        ...web,
        pods: [
          pod({
            conditions: [
              {
                type: 'PodScheduled',
                status: 'False',
                reason: 'Unschedulable',
                message: '0/3 nodes are available: 3 Insufficient cpu.',
                lastTransitionTime: at(0),
              },
            ],
          }),
        ],
      },
      reason: 'Unschedulable',
      message: /^No node can run `web`: 0\/3 nodes are available: 3 Insufficient cpu\.$/,
      certainAt: 15,
    },
    {
      name: 'a job gives up',
      given: {
        jobs: [job('seed', [{ type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded' }])],
        pods: [pod({ owner: 'seed', phase: 'Failed', container: { state: crashed(5) } })],
      },
      reason: 'ContainerCrashed',
      message: /^The job `seed` failed: exit code 5\.$/,
      certainAt: 0,
    },
  ];
  for (const { name, given, reason, message, certainAt } of failing) {
    it(`G7 is failing when ${name}`, () => {
      const { state } = workloadState(objects(given), epoch + certainAt * 1000);
      assert(state.state === 'failing', JSON.stringify(state));
      assert.equal(state.diagnosis.reason, reason);
      assert.match(state.diagnosis.message, message);
    });
    if (certainAt === 0) continue;
    it(`is not certain too early that ${name}`, () => {
      const early = workloadState(objects(given), epoch + certainAt * 1000 - 1);
      assert.equal(early.state.state, 'progressing');
      assert.equal(early.recheckAtMs, epoch + certainAt * 1000);
    });
  }

  it('tells the cause before its consequences', () => {
    const given = objects({
      deployments: [deployment('api'), deployment('db')],
      replicaSets: [replicaSet('api'), replicaSet('db')],
      pods: [
        pod({ name: 'api-1-a', owner: 'api-1', container: { restartCount: 3, state: backOff, lastState: crashed(1) } }),
        pod({ name: 'db-1-a', owner: 'db-1', container: { state: { waiting: { reason: 'InvalidImageName' } } } }),
      ],
    });
    const { state } = workloadState(given, epoch);
    assert(state.state === 'failing');
    assert.equal(state.diagnosis.reason, 'ImagePullFailed');
  });

  it('asks for the output of the run that crashed', () => {
    const container = { restartCount: 3, state: backOff, lastState: crashed(1) };
    const { evidence } = workloadState(objects({ ...web, pods: [pod({ container })] }), epoch);
    assert.deepEqual(evidence, { pod: 'web-1-a', container: 'web', previous: true });
  });
});
