/** Logging of metrics beside the CSV files: TensorBoard, MLflow. */
export * from "./logger.ts";
export * from "./names.ts";
export * from "./run_logging.ts";
export * from "./scalars.ts";
