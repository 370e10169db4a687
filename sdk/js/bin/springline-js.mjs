#!/usr/bin/env node
import { run } from "../tool/main.mjs";

process.exitCode = await run(process.argv.slice(2));
