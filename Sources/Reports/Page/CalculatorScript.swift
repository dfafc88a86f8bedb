/// Cost before and after, from what the fields say. The same figures stand in the page already, for browsers without
/// scripts. What is missing, or outside a field's limits, is asked for, and nothing is computed from it.
enum CalculatorScript {
    static let text = """
        (function(){
        var by=function(id){return document.getElementById(id)};
        if(!by("costs"))return;
        var ids=["price","tokens","dense","ratio","once"],unit=by("costs").getAttribute("data-currency");
        function value(id){var e=by(id),x=parseFloat(e.value);return x>=parseFloat(e.min)&&x<=parseFloat(e.max)?x:NaN}
        function name(id){return document.querySelector('label[for="'+id+'"]').textContent}
        function money(x){if(!isFinite(x))return "–";var d=Math.abs(x)<100?2:0;
        return x.toLocaleString("en-US",{minimumFractionDigits:d,maximumFractionDigits:d}).replace("-","−")+(unit?" "+unit:"")}
        function put(id,text){by(id).textContent=text}
        function wrong(id){var e=by(id);return e.value!==""&&!(isFinite(value(id)))||e.validity&&e.validity.badInput}
        function hint(){var parts=[];ids.forEach(function(id){var e=by(id);
        if(wrong(id))parts.push("The "+name(id)+" must be between "+e.min+" and "+e.max+".");
        else if(e.value===""&&id!=="once")parts.push("Enter the "+name(id)+".")});return parts.join(" ")}
        function show(){var before=value("tokens")/(value("dense")*3600)*value("price"),after=before/value("ratio"),
        saved=before-after,once=value("once"),days=Math.ceil(once/saved);
        put("hint",hint());put("before",money(before));put("after",money(after));
        put("saved",saved<=0?"nothing; it costs "+money(-saved*365)+" more":money(saved*365));
        put("payback",!isFinite(saved)?"–":!isFinite(once)?"enter what was spent once":once===0?"nothing was spent":
        saved>0&&days<1e9?"after "+days.toLocaleString("en-US")+(days===1?" day":" days"):"never")}
        ids.forEach(function(id){by(id).addEventListener("input",show)});
        var run=by("run");if(run)run.addEventListener("change",function(){var o=run.options[run.selectedIndex];
        by("dense").value=o.getAttribute("data-dense");by("ratio").value=o.getAttribute("data-ratio");show()});
        show()})();
        """
}
