// The fake OpenNext runs this file in the build, with the credentials of the build. The script of any dependency
// could do the same.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

// The path of a Python with boto3. CodeBuild's build image also contains Python with boto3.
const { python } = JSON.parse(readFileSync("attempts.json", "utf8"));
process.stdout.write(execFileSync(python, ["attempt.py"], { encoding: "utf8" }));
