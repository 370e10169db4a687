import { buildStep, object, string } from "@springline/sdk";

export default buildStep({
  name: "{{name}}",
  version: "0.1.0",
  summary: "Greets somebody.",
  config: object({
    name: string({ description: "Who is greeted." }),
  }),

  run(config, step) {
    step.write("hello.txt", `Hello, ${config.name}\n`);
    return "1 file";
  },
});
