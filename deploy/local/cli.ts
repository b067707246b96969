import { parseArgs } from 'node:util';
import { buildBerthImage } from './berth-image.ts';
import { down, status, up } from './stack.ts';
import type { LocalStack } from './stack.ts';

const usage = `usage: node deploy/local/cli.ts up|down|status|image [--cluster native|kind|<context>] [--json]

  up      starts Redis, a registry, BuildKit and Kubernetes, where they do not run yet
  down    ends them and removes what they leave
  status  tells how to reach them; exit code 1 when they do not run
  image   builds Berth's own image, pushes it to the registry of the running stack, and prints its reference

BERTH_LOCAL_CLUSTER names the cluster too, BERTH_LOCAL_KIND_NODE the image of kind's node.
`;

/** Runs one command and gives the exit code. */
async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { cluster: { type: 'string' }, json: { type: 'boolean', default: false } },
  });
  const options = values.cluster ? { cluster: values.cluster } : {};
  switch (positionals[0]) {
    case 'up': {
      print(await up(options), values.json);
      return 0;
    }
    case 'down': {
      await down(options);
      return 0;
    }
    case 'status': {
      const stack = await status(options);
      if (stack) print(stack, values.json);
      else process.stderr.write('the local stack is not running\n');
      return stack ? 0 : 1;
    }
    case 'image': {
      const stack = await status(options);
      if (!stack) throw new Error('the local stack is not running: `npm run stack up` starts it');
      const image = await buildBerthImage(stack);
      process.stdout.write(values.json ? `${JSON.stringify(image, undefined, 2)}\n` : `${image.reference}\n`);
      return 0;
    }
    default: {
      process.stderr.write(usage);
      return 2;
    }
  }
}

function print(stack: LocalStack, json: boolean): void {
  const text = [
    `the local stack (${stack.cluster}) ${stack.alreadyUp ? 'runs already' : 'is up'}`,
    `  Redis       ${stack.redisUrl}`,
    `  registry    ${stack.registry}`,
    `  Docker      export DOCKER_HOST=${stack.dockerHost}`,
    `              export DOCKER_HOST=${stack.untrustedDockerHost} (for forks)`,
    `  Kubernetes  export KUBECONFIG=${stack.kubeconfig}`,
  ];
  process.stdout.write(json ? `${JSON.stringify(stack, undefined, 2)}\n` : `${text.join('\n')}\n`);
}

// The stack's daemons do not die with this process; a half-started stack is as good as an ended one to both commands.
process.once('SIGINT', () => {
  process.stderr.write('interrupted: `down`, or the next `up`, ends what was started\n');
  process.exit(130);
});
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
