/**
 * The part of the ONNX file format that we write, as protocol buffers.
 *
 * Field numbers are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto (IR version 10);
 * fields that we never write are left out, which the wire format allows.
 */

import protobuf from "protobufjs";

const SCHEMA = `
  syntax = "proto2";
  message AttributeProto {
    optional string name = 1;  optional int32 type = 20;
    optional float f = 2;  optional int64 i = 3;  optional bytes s = 4;  optional GraphProto g = 6;
    repeated int64 ints = 8;
  }
  message NodeProto {
    repeated string input = 1;  repeated string output = 2;
    optional string name = 3;  optional string opType = 4;  optional string domain = 7;
    repeated AttributeProto attribute = 5;
  }
  message TensorProto {
    repeated int64 dims = 1;  optional int32 dataType = 2;
    optional string name = 8;  optional bytes rawData = 9;
    repeated StringStringEntryProto externalData = 13;  optional int32 dataLocation = 14;
  }
  message StringStringEntryProto { optional string key = 1;  optional string value = 2; }
  message ValueInfoProto { optional string name = 1;  optional TypeProto type = 2; }
  message TypeProto { optional TensorTypeProto tensorType = 1; }
  message TensorTypeProto { optional int32 elemType = 1;  optional ShapeProto shape = 2; }
  message ShapeProto { repeated DimProto dim = 1; }
  message DimProto { optional int64 dimValue = 1;  optional string dimParam = 2; }
  message GraphProto {
    repeated NodeProto node = 1;  optional string name = 2;  repeated TensorProto initializer = 5;
    repeated ValueInfoProto input = 11;  repeated ValueInfoProto output = 12;
    repeated ValueInfoProto valueInfo = 13;
  }
  message OperatorSetIdProto { optional string domain = 1;  optional int64 version = 2; }
  message ModelProto {
    optional int64 irVersion = 1;  optional string producerName = 2;
    optional GraphProto graph = 7;  repeated OperatorSetIdProto opsetImport = 8;
    repeated StringStringEntryProto metadataProps = 14;
  }
`;

/** Element types, by ONNX's numbers. */
export const ELEMENT = { float32: 1, uint8: 2, uint16: 4, int32: 6, int64: 7, bool: 9 } as const;

/** Kinds of attribute, by ONNX's numbers. */
export const ATTRIBUTE = { float: 1, int: 2, string: 3, graph: 5, ints: 7 } as const;

/** A named setting of an ONNX node. */
export interface AttributeProto {
  name: string;
  type: number;
  f?: number;
  i?: number;
  s?: Uint8Array;
  g?: GraphProto;
  ints?: readonly number[];
}

/** One ONNX operator with the names of its inputs and outputs. */
export interface NodeProto {
  name: string;
  opType: string;
  domain: string;
  input: readonly string[];
  output: readonly string[];
  attribute: readonly AttributeProto[];
}

/** A tensor that is part of the model. */
export interface TensorProto {
  name: string;
  dataType: number;
  dims: readonly number[];
  rawData?: Uint8Array;
  externalData?: readonly { key: string; value: string }[];
  /** 1 where the values are outside the file. */
  dataLocation?: number;
}

/** A size, or the name of one that is known only when the model runs. */
export type DimProto = { dimValue: number } | { dimParam: string };

/** Name and type of an input or output. */
export interface ValueInfoProto {
  name: string;
  type: { tensorType: { elemType: number; shape: { dim: DimProto[] } } };
}

/** Everything inside a model. */
export interface GraphProto {
  name: string;
  node: NodeProto[];
  initializer: TensorProto[];
  input: ValueInfoProto[];
  output: ValueInfoProto[];
  /** Types of values inside, where they would not be found out. */
  valueInfo: ValueInfoProto[];
}

/** The graph with these values under other names, in branches too. */
export function renamed(graph: GraphProto, names: ReadonlyMap<string, string>): GraphProto {
  const all = (values: readonly string[]) => values.map((value) => names.get(value) ?? value);
  const inside = (attribute: AttributeProto) =>
    attribute.g ? { ...attribute, g: renamed(attribute.g, names) } : attribute;
  return {
    ...graph,
    node: graph.node.map(({ input, output, attribute, ...node }) => ({
      ...node,
      input: all(input),
      output: all(output),
      attribute: attribute.map(inside),
    })),
    valueInfo: graph.valueInfo.map((info) => ({ ...info, name: all([info.name])[0]! })),
  };
}

const modelProto = protobuf.parse(SCHEMA, { keepCase: true }).root.lookupType("ModelProto");

/** The bytes of an ONNX file: standard operators of opset 21, and ONNX Runtime's own. */
export function encodeModel(
  graph: GraphProto,
  about: Readonly<Record<string, string>> = {},
): Uint8Array {
  return modelProto.encode({
    irVersion: 10,
    producerName: "dlr",
    graph,
    opsetImport: [{ domain: "", version: 21 }, { domain: "com.microsoft", version: 1 }],
    metadataProps: Object.entries(about).map(([key, value]) => ({ key, value })),
  }).finish();
}
