// A Redis Cluster of three masters, from the system's redis-server; ended with the test.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { until } from './until.ts';

const SLOTS = 16_384;

export interface TestCluster extends AsyncDisposable {
  readonly ports: readonly number[];
}

export async function startCluster(): Promise<TestCluster> {
  const dir = await mkdtemp(join(tmpdir(), 'holdfast-cluster-'));
  const servers: ChildProcess[] = [];
  const stop = async (): Promise<void> => {
    for (const server of servers) {
      if (server.exitCode !== null || server.signalCode !== null) continue;
      const closed = once(server, 'close');
      server.kill('SIGKILL');
      await closed;
    }
    await rm(dir, { recursive: true, force: true });
  };
  try {
    const ports = await freePorts(3);
    for (const port of ports) servers.push(await startNode(dir, port));
    await formCluster(ports);
    return { ports, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startNode(dir: string, port: number): Promise<ChildProcess> {
  const server = spawn(
    process.env['TEST_REDIS_SERVER'] ?? 'redis-server',
    [
      ...['--port', `${port}`, '--bind', '127.0.0.1', '--dir', dir, '--save', '', '--loglevel', 'warning'],
      ...['--cluster-enabled', 'yes', '--cluster-config-file', `nodes-${port}.conf`],
    ],
    { stdio: 'ignore' },
  );
  await once(server, 'spawn');
  return server;
}

/** Gives each node a third of the slots and introduces the nodes to each other. */
async function formCluster(ports: readonly number[]): Promise<void> {
  const nodes = ports.map((port) => new Redis({ port, host: '127.0.0.1', retryStrategy: () => 50 }));
  for (const node of nodes) node.on('error', () => undefined);
  try {
    for (const [index, node] of nodes.entries()) {
      await until(async () => (await node.ping().catch(() => '')) === 'PONG', { what: 'a node to answer' });
      const from = Math.floor((index * SLOTS) / nodes.length);
      const to = Math.floor(((index + 1) * SLOTS) / nodes.length) - 1;
      await node.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
      await node.call('CLUSTER', 'ADDSLOTSRANGE', from, to);
    }
    for (const port of ports.slice(1)) await nodes[0]?.call('CLUSTER', 'MEET', '127.0.0.1', port);
    for (const node of nodes) {
      const isUp = async (): Promise<boolean> => {
        const info = await node.cluster('INFO');
        return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${nodes.length}`);
      };
      await until(isUp, { what: 'a node to see the whole cluster', limitMs: 20_000 });
    }
  } finally {
    for (const node of nodes) node.disconnect();
  }
}

/** Ports whose cluster bus (10,000 above) exists too. */
async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo; // it listens on a port
    server.close();
    await once(server, 'close');
    const usable = port > 40_000 ? port - 20_000 : port;
    if (!ports.includes(usable)) ports.push(usable);
  }
  return ports;
}
