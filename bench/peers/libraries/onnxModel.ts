/**
 * ONNX models of a few nodes, written field by field (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto): onnxruntime takes no
 * other form of a model. Protocol buffers: a field is its number and wire type as a varint, then a varint or a length and bytes.
 */

type Field = Uint8Array;

const FLOAT = 1;
const IR_VERSION = 8;
const OPSET = 13;

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) + 128);
  }
}

const whole = (field: number, value: number): Field => Uint8Array.from([...varint(field * 8), ...varint(value)]);

function bytes(field: number, value: Uint8Array): Field {
  return joined([Uint8Array.from([...varint(field * 8 + 2), ...varint(value.length)]), value]);
}

const text = (field: number, value: string): Field => bytes(field, new TextEncoder().encode(value));
const message = (field: number, fields: readonly Field[]): Field => bytes(field, joined(fields));

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

export interface Node {
  readonly op: 'Gemm' | 'MatMul';
  readonly inputs: readonly string[];
  readonly output: string;
  /** Of Gemm: the second input is [N, K]. */
  readonly transposeB?: boolean;
}

/** A tensor by name and shape; with data it is a constant of the model. */
export interface Value {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data?: Float32Array<ArrayBuffer>;
}

/** The file of a model that makes `output` of `input`, both f32. */
export function onnxModel(
  nodes: readonly Node[],
  constants: readonly Value[],
  input: Value,
  output: Value,
): Uint8Array<ArrayBuffer> {
  const node = ({ op, inputs, output: name, transposeB }: Node) =>
    message(1, [
      ...inputs.map((value) => text(1, value)),
      text(2, name),
      text(4, op),
      // AttributeProto: name, i, type INT.
      ...(transposeB ? [message(5, [text(1, 'transB'), whole(3, 1), whole(20, 2)])] : []),
    ]);
  const constant = ({ name, shape, data = new Float32Array() }: Value) =>
    message(5, [
      ...shape.map((length) => whole(1, length)),
      whole(2, FLOAT),
      text(8, name),
      bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
    ]);
  const described = (field: number, { name, shape }: Value) =>
    message(field, [
      text(1, name),
      // TypeProto → tensor_type: elem_type, shape → dim → dim_value.
      message(2, [
        message(1, [
          whole(1, FLOAT),
          message(
            2,
            shape.map((length) => message(1, [whole(1, length)])),
          ),
        ]),
      ]),
    ]);
  const graph = [
    ...nodes.map(node),
    text(2, 'graph'),
    ...constants.map(constant),
    described(11, input),
    described(12, output),
  ];
  return joined([whole(1, IR_VERSION), message(7, graph), message(8, [text(1, ''), whole(2, OPSET)])]);
}
