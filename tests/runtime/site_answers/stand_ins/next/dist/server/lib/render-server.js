throw new Error("the platform has its own render server");
