"""Ingest and query: a tenant's articles, versions, filters, isolation; and the answers that calls give from them."""
import base64

from voxgate_harness import GatewayTest, main

HOURS = "Our support hours are Sunday to Thursday, 9 AM to 6 PM UAE time."


class Knowledge(GatewayTest):
    env = {"VOXGATE_STT": "loopback", "VOXGATE_TTS": "loopback"}

    def ingest(self, rest=None, **body):
        rest = rest or self.rest
        answer = rest.post("/ingest", {"tenant_id": rest.tenant.id, **body})
        self.assertEqual(answer.status, 202, answer)
        return answer.json

    def ready(self, document_id):
        answer = self.rest.get(f"/ingest/{document_id}")
        return answer.status == 200 and answer.json["status"] == "ready" and answer.json

    def query(self, text, rest=None, **more):
        rest = rest or self.rest
        answer = rest.post("/rag/query", {"tenant_id": rest.tenant.id, "query": text, **more})
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    async def test_what_was_ingested_is_found_and_can_be_removed(self):
        made = self.ingest(source="FAQ - Support Hours", title="Support hours", text=HOURS,
                           metadata={"category": "support", "page": 1})
        self.assertEqual(set(made), {"document_id", "version", "status"})
        await self.eventually(lambda: self.ready(made["document_id"]))
        found = self.query("What are your support hours?", top_k=3, filters={"category": "support"})
        self.assertGreater(found["took_ms"], 0)
        best = found["results"][0]
        self.assertEqual((best["text"], best["source"]), (HOURS, "FAQ - Support Hours"))
        self.assertTrue(0 < best["score"] <= 1)
        self.assertEqual(best["metadata"]["category"], "support")
        self.assertEqual(self.query("support hours", filters={"category": "billing"})["results"], [])
        self.assertIn(self.rest.delete(f"/ingest/{made['document_id']}").status, (200, 204))
        self.assertEqual(self.query("support hours", filters={"category": "support"})["results"], [])
        self.assertError(self.rest.get(f"/ingest/{made['document_id']}"), 404, "RESOURCE_NOT_FOUND")

    async def test_the_same_source_again_is_a_new_version(self):
        first = self.ingest(source="Parking", text="Parking costs five dollars an hour.")
        second = self.ingest(source="Parking", text="Parking is free for everybody.")
        self.assertEqual(second["document_id"], first["document_id"])
        self.assertEqual(second["version"], first["version"] + 1)
        await self.eventually(lambda: self.query("parking")["results"])
        texts = [r["text"] for r in self.query("parking", top_k=10)["results"]]
        self.assertTrue(any("free" in t for t in texts), texts)
        self.assertFalse(any("five dollars" in t for t in texts), texts)

    async def test_markdown_and_html_are_read_as_text(self):
        self.ingest(source="md", content_type="text/markdown", text="# Garden\n\nThe **zebra** garden opens at noon.")
        html = "<html><script>var giraffe=1</script><body><p>The giraffe &amp; lion house</p></body></html>"
        self.ingest(source="html", content_type="text/html", content_base64=base64.b64encode(html.encode()).decode())
        await self.eventually(lambda: self.query("zebra garden")["results"] and self.query("giraffe house")["results"])
        self.assertNotIn("**", self.query("zebra garden")["results"][0]["text"])
        self.assertIn("giraffe & lion", self.query("giraffe house")["results"][0]["text"])
        self.assertNotIn("var", self.query("giraffe house")["results"][0]["text"])

    async def test_arabic_is_found(self):
        text = "ساعات العمل من الأحد إلى الخميس من التاسعة صباحا حتى السادسة مساء."
        self.ingest(source="ساعات العمل", text=text)
        found = await self.eventually(lambda: self.query("ما هي ساعات العمل")["results"])
        self.assertEqual(found[0]["text"], text)

    async def test_another_tenants_articles_stay_theirs(self):
        other = self.gw.rest(self.gw.new_tenant("Other"))
        made = self.ingest(rest=other, source="secret", text="The walrus code is blue.")
        await self.eventually(lambda: self.query("walrus code", rest=other)["results"])
        self.assertEqual(self.query("walrus code")["results"], [])
        self.assertError(self.rest.get(f"/ingest/{made['document_id']}"), 404, "RESOURCE_NOT_FOUND")
        self.assertError(self.rest.delete(f"/ingest/{made['document_id']}"), 404, "RESOURCE_NOT_FOUND")
        forbidden = self.rest.post("/rag/query", {"tenant_id": other.tenant.id, "query": "walrus"})
        self.assertError(forbidden, 403, "FORBIDDEN")

    def test_bad_documents_are_refused(self):
        for body in ({}, {"source": "x"}, {"source": "x", "text": "a", "content_base64": "YQ=="}, {"source": "", "text": "a"},
                     {"source": "x", "content_base64": "###"}, {"source": "x", "text": "a", "content_type": "image/png"},
                     {"source": "x", "text": "a", "metadata": []}, {"source": "x", "text": 5}):
            with self.subTest(body=body):
                answer = self.rest.post("/ingest", {"tenant_id": self.tenant.id, **body})
                self.assertError(answer, 400, "VALIDATION_ERROR")
        for top_k in (0, 21, "3", 1.5):
            answer = self.rest.post("/rag/query", {"tenant_id": self.tenant.id, "query": "x", "top_k": top_k})
            self.assertError(answer, 400, "VALIDATION_ERROR")

    async def test_a_call_answers_from_the_articles_and_says_when_it_cannot(self):
        made = self.ingest(source="Returns", title="Returns", text="You can return an order within thirty days.")
        await self.eventually(lambda: self.ready(made["document_id"]))
        call = await self.started()
        await call.say_text("how many days do I have to return an order")
        end = await call.wait_reply_end()
        self.assertIn("You can return an order within thirty days.", call.reply_text(end["turn_id"]))
        seen = len(call.messages)
        await call.say_text("xylophone quartz nebula")
        end = await call.wait_reply_end(after=seen)
        self.assertRegex(call.reply_text(end["turn_id"]).lower(), "did not find|connect you")


if __name__ == "__main__":
    main()
