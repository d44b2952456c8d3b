/**
 * TensorBoard's events as protocol buffers. Field numbers are those of event.proto, summary.proto,
 * tensor.proto and tensor_shape.proto in
 * https://github.com/tensorflow/tensorboard/tree/master/tensorboard/compat/proto; what is not
 * written here is left out, which the wire format allows.
 */

import protobuf from "protobufjs";
import { type Scalars } from "../logger.ts";

const SCHEMA = `
  syntax = "proto3";
  message Event {
    double wallTime = 1;  int64 step = 2;  string fileVersion = 3;
    Summary summary = 5;  SessionLog sessionLog = 7;
  }
  message Summary { repeated Value value = 1; }
  message Value {
    string tag = 1;  SummaryMetadata metadata = 9;
    oneof value { float simpleValue = 2;  TensorProto tensor = 8; }
  }
  message SummaryMetadata { PluginData pluginData = 1;  int32 dataClass = 4; }
  message PluginData { string pluginName = 1; }
  message TensorProto {
    int32 dtype = 1;  TensorShapeProto tensorShape = 2;  repeated bytes stringVal = 8;
  }
  message TensorShapeProto { repeated Dim dim = 2; }
  message Dim { int64 size = 1; }
  message SessionLog { int32 status = 1; }
`;

/** `SessionLog.START`: what was logged from this event's step on, in earlier files, is void. */
const START = 1;
/** `DT_STRING`. */
const STRING = 7;
/** `DATA_CLASS_TENSOR`. */
const TENSOR = 2;

const eventType = protobuf.parse(SCHEMA, { keepCase: true }).root.lookupType("Event");

/** An event as far as it is written here. */
export interface LogEvent {
  /** Seconds since 1970. */
  readonly wallTime: number;
  readonly step?: number;
  readonly fileVersion?: string;
  readonly summary?: { readonly value: readonly SummaryValue[] };
  readonly sessionLog?: { readonly status: number };
}

/** A tag with a number or a text. */
export interface SummaryValue {
  readonly tag: string;
  readonly simpleValue?: number;
  readonly tensor?: { readonly stringVal?: readonly Uint8Array[] };
}

/** The first event of a file; readers take the version into account when a run is continued. */
export function versionEvent(wallTime: number): Uint8Array {
  return encode({ wallTime, fileVersion: "brain.Event:2" });
}

/** Says that a run goes on with this step: readers drop what it had logged from there on. */
export function startEvent(wallTime: number, step: number): Uint8Array {
  return encode({ wallTime, step, sessionLog: { status: START } });
}

/** The numbers of a step, in single precision. */
export function scalarsEvent(wallTime: number, step: number, scalars: Scalars): Uint8Array {
  const value = Object.entries(scalars).map(([tag, simpleValue]) => ({ tag, simpleValue }));
  return encode({ wallTime, step, summary: { value } });
}

/** A text in Markdown. */
export function textEvent(wallTime: number, step: number, tag: string, text: string): Uint8Array {
  const value = {
    tag,
    metadata: { pluginData: { pluginName: "text" }, dataClass: TENSOR },
    tensor: {
      dtype: STRING,
      tensorShape: { dim: [{ size: 1 }] },
      stringVal: [new TextEncoder().encode(text)],
    },
  };
  return encode({ wallTime, step, summary: { value: [value] } });
}

/** Reads an event. @throws {Error} when the bytes are none. */
export function readEvent(bytes: Uint8Array): LogEvent {
  // A step of 0 is absent, as protocol buffers of version 3 leave such fields out.
  return eventType.toObject(eventType.decode(bytes), { longs: Number }) as LogEvent;
}

function encode(event: LogEvent): Uint8Array {
  return eventType.encode(eventType.fromObject(event)).finish();
}
