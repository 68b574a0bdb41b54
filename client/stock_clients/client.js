// Stock @grpc/grpc-js with @grpc/proto-loader: both services, a streaming scan, error details.
// usage: node client.js ADDRESS PROTO_FOLDER       exit 0: everything held
'use strict';
const assert = require('node:assert');
const {test} = require('node:test');
const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');

const [address, protoFolder] = process.argv.slice(2);
const loaded = grpc.loadPackageDefinition(protoLoader.loadSync(
    ['kv.proto', 'lumen/v1/kv.proto', 'google/rpc/error_details.proto', 'google/rpc/status.proto'],
    {includeDirs: [protoFolder], keepCase: true, longs: BigInt, enums: String, defaults: true, oneofs: true}));
const credentials = grpc.credentials.createInsecure();
const store = new loaded.lumen.v1.KeyValue(address, credentials);
const original = new loaded.kv.KeyValueStore(address, credentials);

function call(client, method, request) {
  return new Promise((resolve, reject) => {
    client[method](request, (error, reply) => error ? reject(error) : resolve(reply));
  });
}

async function refusal(promise) {
  const error = await promise.then(() => assert.fail('answered OK'), (failed) => failed);
  const [details] = error.metadata.get('grpc-status-details-bin');
  return {code: error.code, text: error.details, bytes: details.toString('latin1')};
}

test('put, get, delete with any bytes as key', async () => {
  const key = Buffer.from([0x6b, 0x00, 0xff]);
  const put = await call(store, 'Put', {key, value: Buffer.from('v')});
  assert.ok(put.durable_sequence >= put.sequence);
  const got = await call(store, 'Get', {key});
  assert.deepStrictEqual([got.found, got.value.toString(), got.sequence], [true, 'v', put.sequence]);
  assert.ok((await call(store, 'Delete', {key})).existed);
  assert.ok(!(await call(store, 'Get', {key})).found);
});

test('both services see one store', async () => {
  assert.ok((await call(original, 'Put', {key: 'both', value: Buffer.from('v')})).success);
  assert.strictEqual((await call(store, 'Get', {key: Buffer.from('both')})).value.toString(), 'v');
});

test('compare and set', async () => {
  const key = Buffer.from('cas');
  const {sequence} = await call(store, 'Put', {key, value: Buffer.from('1')});
  const request = {
    operations: [{put: {key, value: Buffer.from('2')}}],
    preconditions: [{key, last_written_at: sequence.toString()}],
  };
  assert.ok((await call(store, 'Write', request)).applied);
  const again = await call(store, 'Write', request);
  assert.ok(!again.applied);
  assert.strictEqual(again.unmet.current.value.toString(), '2');
});

test('a scan streams', async () => {
  const keys = Array.from({length: 2000}, (_, i) => `scan/${String(i).padStart(5, '0')}`);
  const value = Buffer.alloc(500, 'v');
  await call(store, 'Write', {operations: keys.map((key) => ({put: {key: Buffer.from(key), value}}))});
  const seen = [];
  let messages = 0;
  for await (const message of store.Scan({prefix: Buffer.from('scan/')})) {
    messages += 1;
    for (const entry of message.entries) seen.push(entry.key.toString());
  }
  assert.deepStrictEqual(seen, keys);
  assert.ok(messages > 1);
});

test('errors have details', async () => {
  const empty = await refusal(call(store, 'Get', {}));
  assert.strictEqual(empty.code, grpc.status.INVALID_ARGUMENT);
  assert.strictEqual(empty.text, 'key must not be empty');
  assert.match(empty.bytes, /google\.rpc\.ErrorInfo/);
  assert.match(empty.bytes, /INVALID_FIELD/);
});

test.after(() => {
  store.close();
  original.close();
});
