/** Parquet files on disk as rows. */
export { type ParquetColumns, type ParquetRow, parquetRows } from "./rows.ts";
